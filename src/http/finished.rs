//! A handler that runs to its end even if whoever asked hangs up. The HTTP server drops a handler together with its connection, and
//! what somebody did would then be done without its line in the audit log. Put around whatever changes something by the router.

use actix_web::Handler;
use futures_util::future::LocalBoxFuture;
use tracing::{Instrument as _, Span};

use crate::trace::TraceId;

#[derive(Clone)]
pub struct Finished<F>(pub F);

impl<F, Args> Handler<Args> for Finished<F>
where
    F: Handler<Args, Future: 'static, Output: 'static>,
{
    type Output = F::Output;
    type Future = LocalBoxFuture<'static, F::Output>;

    fn call(&self, args: Args) -> Self::Future {
        // A task of its own begins without the request's trace.
        let trace = TraceId::current().unwrap_or_else(TraceId::fresh);
        let work = trace.within(self.0.call(args).instrument(Span::current()));
        Box::pin(async move {
            match actix_rt::spawn(work).await {
                Ok(answer) => answer,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // The worker is going down, and the connection with it.
                    Err(_) => std::future::pending().await,
                },
            }
        })
    }
}
