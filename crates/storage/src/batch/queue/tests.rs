use futures_util::FutureExt;
use strongroom_domain::OrgId;

use super::*;
use crate::batch::fair_queue::tests::{Request, org};

fn config(capacity: usize) -> QueueConfig {
    QueueConfig {
        name: "test",
        capacity,
        largest: 10,
        counters: Arc::default(),
    }
}

fn put(queue: &Queue<Request>, org: OrgId, nth: usize) -> oneshot::Receiver<StoreResult<()>> {
    let (request, answer) = Request::new(org, nth, 0);
    queue.put(request);
    answer
}

#[tokio::test]
async fn a_later_request_waits_for_one_batch_however_many_wait() {
    let queue = Queue::new(config(100));
    queue.next_taken().await;
    let waiting: Vec<_> = (0..50).map(|nth| put(&queue, org(1), nth)).collect();
    let behind = queue.next_taken();
    let mut behind = std::pin::pin!(behind);
    assert!(behind.as_mut().now_or_never().is_none());
    let (batch, _) = queue.take(10).await.unwrap();
    assert_eq!(batch.len(), 10);
    behind.await;
    drop(waiting);
}

#[tokio::test]
async fn a_request_that_nothing_waits_for_joins_others_or_is_taken_after_a_moment() {
    let queue = Queue::new(config(8));
    let later = |nth| {
        let (request, answer) = Request::new(org(1), nth, 0);
        queue.put_later(request);
        answer
    };
    let begun = Instant::now();
    let _waiting = [later(0), later(1)];
    let (batch, _) = queue.take(10).await.unwrap();
    assert_eq!(batch.len(), 2);
    assert!(begun.elapsed() >= LONGEST_LATER);
    // It does not join few.
    let _waiting = (later(2), put(&queue, org(2), 0));
    let taken = queue.take(10).now_or_never().unwrap();
    assert_eq!(taken.unwrap().0.len(), 1);
    let _waiting: Vec<_> = (0..COMPANY).map(|nth| put(&queue, org(2), nth)).collect();
    let taken = queue.take(10).now_or_never().unwrap();
    assert_eq!(taken.unwrap().0.len(), COMPANY + 1);
    // They are bounded as well, and taken when the queue is closed.
    let mut all: Vec<_> = (0..9).map(later).collect();
    let last = all.pop().unwrap().try_recv();
    assert!(matches!(last, Ok(Err(StoreError::Overloaded))));
    queue.close();
    assert_eq!(queue.take(10).await.unwrap().0.len(), 8);
    assert!(queue.take(10).await.is_none());
}

#[tokio::test]
async fn a_full_queue_refuses_the_busiest_organization() {
    let queue = Queue::new(config(3));
    let mut flood: Vec<_> = (0..4).map(|nth| put(&queue, org(1), nth)).collect();
    // The third gave way to the fourth, and the fourth to another organization's.
    let mut other = put(&queue, org(2), 0);
    let refused = |answer: &mut oneshot::Receiver<StoreResult<()>>| {
        matches!(answer.try_recv(), Ok(Err(StoreError::Overloaded)))
    };
    assert!(!refused(&mut flood[0]) && !refused(&mut flood[1]) && !refused(&mut other));
    assert!(refused(&mut flood[2]) && refused(&mut flood[3]));
    let conditions = queue.config.counters.conditions.all();
    let active: Vec<_> = conditions
        .filter(|(_, active, _)| *active)
        .map(|(condition, _, failures)| (condition, failures))
        .collect();
    assert_eq!(active, [(Condition::QueueFull, 2)]);
    assert_eq!(queue.refused.get(), 2);
    let (batch, _) = queue.take(10).await.unwrap();
    assert_eq!(batch.len(), 3);
    queue.close();
    assert!(queue.take(10).await.is_none());
}
