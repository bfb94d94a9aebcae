//! Wake-ups of the requests that a batch answers.
//!
//! Waking a task of another thread is a system call, and a batch answers dozens of requests of a
//! few threads. So the first answer wakes a task of the request's thread, which wakes the other
//! tasks there, without system calls.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;
use tokio::runtime::Handle;

thread_local! {
    static INBOX: RefCell<Option<Arc<Inbox>>> = const { RefCell::new(None) };
}

/// Waits for `answer`, which another thread gives.
pub(crate) async fn woken_with_others<F: Future + Unpin>(answer: F) -> F::Output {
    match Inbox::of_this_thread() {
        Some(inbox) => Gathered { answer, inbox }.await,
        None => answer.await,
    }
}

/// The woken tasks of a thread that do not know of it yet.
#[derive(Default)]
struct Inbox {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    woken: Vec<Waker>,
    /// Wakes the [`Distributor`], if it waits.
    distributor: Option<Waker>,
    /// The distributor ended with its runtime.
    closed: bool,
}

impl Inbox {
    /// The inbox of this thread, with a distributor on the thread's runtime. `None` outside a
    /// runtime.
    fn of_this_thread() -> Option<Arc<Self>> {
        INBOX.with_borrow_mut(|inbox| {
            if let Some(inbox) = inbox.as_ref().filter(|inbox| !inbox.state.lock().closed) {
                return Some(inbox.clone());
            }
            let runtime = Handle::try_current().ok()?;
            let new = Arc::new(Self::default());
            runtime.spawn(Distributor(new.clone()));
            *inbox = Some(new.clone());
            Some(new)
        })
    }

    fn put(&self, waker: Waker) {
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            return waker.wake();
        }
        state.woken.push(waker);
        let distributor = state.distributor.take();
        drop(state);
        if let Some(distributor) = distributor {
            distributor.wake();
        }
    }
}

/// The task that wakes the tasks of an inbox. It ends with its runtime.
struct Distributor(Arc<Inbox>);

impl Future for Distributor {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut state = self.0.state.lock();
            if state.woken.is_empty() {
                state.distributor = Some(context.waker().clone());
                return Poll::Pending;
            }
            let woken = std::mem::take(&mut state.woken);
            drop(state);
            woken.into_iter().for_each(Waker::wake);
        }
    }
}

impl Drop for Distributor {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.closed = true;
        let woken = std::mem::take(&mut state.woken);
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }
}

/// A future that is woken through an inbox.
struct Gathered<F> {
    answer: F,
    inbox: Arc<Inbox>,
}

impl<F: Future + Unpin> Future for Gathered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let waker = Waker::from(Arc::new(ThroughInbox {
            task: context.waker().clone(),
            inbox: self.inbox.clone(),
        }));
        Pin::new(&mut self.answer).poll(&mut Context::from_waker(&waker))
    }
}

/// Wakes a task through its thread's inbox.
struct ThroughInbox {
    task: Waker,
    inbox: Arc<Inbox>,
}

impl Wake for ThroughInbox {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.inbox.put(self.task.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::oneshot;

    use super::*;

    fn runtime() -> Runtime {
        Builder::new_current_thread().build().unwrap()
    }

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn answers_from_another_thread_arrive() {
        runtime().block_on(async {
            for _ in 0..1_000 {
                let (replies, answers): (Vec<_>, Vec<_>) =
                    (0..32).map(|_| oneshot::channel()).unzip();
                let sender = std::thread::spawn(move || {
                    for (nth, reply) in replies.into_iter().enumerate() {
                        let _ = reply.send(nth);
                    }
                });
                let answers = answers.into_iter().map(woken_with_others);
                let answers = futures_util::future::join_all(answers).await;
                let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
                assert_eq!(answers, (0..32).collect::<Vec<_>>());
                sender.join().unwrap();
            }
        });
    }

    #[test]
    fn many_answers_wake_the_thread_once() {
        let inbox = Arc::new(Inbox::default());
        let thread = Arc::new(Counter::default());
        let mut distributor = Distributor(inbox.clone());
        let waker = Waker::from(thread.clone());
        let mut context = Context::from_waker(&waker);
        assert!(Pin::new(&mut distributor).poll(&mut context).is_pending());
        let task = Arc::new(Counter::default());
        for _ in 0..32 {
            inbox.put(Waker::from(task.clone()));
        }
        assert_eq!(thread.0.load(Ordering::Relaxed), 1);
        assert_eq!(task.0.load(Ordering::Relaxed), 0);
        assert!(Pin::new(&mut distributor).poll(&mut context).is_pending());
        assert_eq!(task.0.load(Ordering::Relaxed), 32);
    }

    #[test]
    fn a_thread_whose_runtime_ended_gets_a_new_distributor() {
        let first = runtime();
        let ended = first.block_on(async { Inbox::of_this_thread() }).unwrap();
        drop(first);
        let task = Arc::new(Counter::default());
        ended.put(Waker::from(task.clone()));
        assert_eq!(task.0.load(Ordering::Relaxed), 1);
        let second = runtime();
        let next = second.block_on(async { Inbox::of_this_thread() }).unwrap();
        assert!(!Arc::ptr_eq(&ended, &next));
        assert!(Inbox::of_this_thread().is_some_and(|same| Arc::ptr_eq(&same, &next)));
    }
}
