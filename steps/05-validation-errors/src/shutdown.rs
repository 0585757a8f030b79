//! When to stop.

/// Waits until somebody asks the program to stop: Ctrl-C in the terminal, or the signal SIGTERM.
///
/// # Panics
///
/// If the operating system does not let the program listen for signals.
pub async fn requested() {
    let ctrl_c = async {
        tokio::signal::ctrl_c()
            .await
            .expect("a program may listen for Ctrl-C");
    };

    #[cfg(unix)]
    let terminate = async {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::terminate())
            .expect("a program may listen for SIGTERM")
            .recv()
            .await;
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();

    tokio::select! {
        () = ctrl_c => {}
        () = terminate => {}
    }
}
