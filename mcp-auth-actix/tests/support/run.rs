//! Serving an application.

/// Serves an application in a thread of its own, with as many workers and as this kind of listener.
macro_rules! run {
    ($listener:expr, $app:expr) => {
        run!($listener, 1, listen, $app)
    };
    ($listener:expr, $workers:expr, $listen:ident, $app:expr) => {{
        let (started, handle) = std::sync::mpsc::channel();
        let (listener, app) = ($listener, $app);
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = actix_web::HttpServer::new(app)
                    .workers($workers)
                    .shutdown_timeout(0)
                    .disable_signals()
                    .h1_allow_half_closed(false)
                    .$listen(listener)
                    .unwrap()
                    .run();
                started.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        let handle = handle.recv().unwrap();
        mcp_auth_behaviour::Running::new(move || drop(handle.stop(false)))
    }};
}
pub(crate) use run;
