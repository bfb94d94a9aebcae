//! `Expect: 100-continue`.

use std::cell::OnceCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use actix_http::{HttpMessage, Request};
use actix_service::{Service, ServiceFactory, fn_factory, fn_service};
use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use futures_util::future::LocalBoxFuture;

use crate::connection_state::ConnectionState;

type Responding<B> = LocalBoxFuture<'static, Result<ServiceResponse<B>, HttpResponse>>;

/// A request that has begun, and whose handler waits for the body.
struct Begun<B>(Responding<B>);

/// The application, whose one service the two services below share.
///
/// With `Expect: 100-continue`, a client asks for a refusal before it sends the body. The library
/// first calls [`expectations`], then sends `100 Continue` unless that returned an error, and then
/// calls [`requests`]. So the former executes the request until it is answered, which needs no
/// `100 Continue`, or until its handler waits for the body.
pub(super) struct SharedApp<A: ServiceFactory<Request>> {
    factory: A,
    made: OnceCell<Rc<A::Service>>,
}

impl<A: ServiceFactory<Request>> SharedApp<A> {
    pub(super) fn new(factory: A) -> Rc<Self> {
        let made = OnceCell::new();
        Rc::new(Self { factory, made })
    }
}

/// The service of requests.
pub(super) fn requests<A, B>(
    app: Rc<SharedApp<A>>,
) -> impl ServiceFactory<
    Request,
    Config = (),
    Response = ServiceResponse<B>,
    Error = HttpResponse,
    InitError = A::InitError,
>
where
    A: ServiceFactory<Request, Config = (), Response = ServiceResponse<B>, Error = HttpResponse>,
    A: 'static,
    <A::Service as Service<Request>>::Future: 'static,
    B: 'static,
{
    fn_factory(move || {
        let app = app.clone();
        async move {
            let service = Rc::new(app.factory.new_service(()).await?);
            let _ = app.made.set(service.clone());
            Ok(fn_service::<_, _, _, _, _, ()>(move |request: Request| {
                let begun = request.extensions_mut().remove::<Begun<B>>();
                begun.map_or_else(
                    || Box::pin(service.call(request)) as Responding<B>,
                    |begun| begun.0,
                )
            }))
        }
    })
}

/// The service of expectations.
pub(super) fn expectations<A, B>(
    app: Rc<SharedApp<A>>,
) -> impl ServiceFactory<
    Request,
    Config = (),
    Response = Request,
    Error = HttpResponse,
    InitError = A::InitError,
>
where
    A: ServiceFactory<Request, Config = (), Response = ServiceResponse<B>, Error = HttpResponse>,
    A: 'static,
    <A::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    fn_factory(move || {
        let app = app.clone();
        async move {
            Ok(fn_service::<_, _, _, _, _, ()>(move |request: Request| {
                let service = app.made.get().cloned();
                async move {
                    match service {
                        Some(service) => begin(&*service, request).await,
                        None => Ok(request),
                    }
                }
            }))
        }
    })
}

/// Executes `request` until its handler waits for the body.
///
/// # Errors
/// The response, if it does not depend on more of the body.
async fn begin<S, B>(service: &S, request: Request) -> Result<Request, HttpResponse>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = HttpResponse>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    let connection = request.conn_data::<Rc<ConnectionState>>().cloned();
    let mut responding: Responding<B> = Box::pin(service.call(request));
    let answered = poll_fn(|context| match responding.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => match &connection {
            Some(connection) if !connection.is_reading_body() => Poll::Pending,
            _ => Poll::Ready(None),
        },
    });
    match answered.await {
        Some(Ok(response)) => Err(HttpResponse::from(response).map_into_boxed_body()),
        Some(Err(response)) => Err(response),
        None => {
            let begun = Request::new();
            begun.extensions_mut().insert(Begun(responding));
            Ok(begun)
        }
    }
}
