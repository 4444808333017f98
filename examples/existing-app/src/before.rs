//! Notes: a small service with its own users and sessions.

mod app;
mod login;
mod notes;
mod users;

use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8788".to_owned());
    let listener = TcpListener::bind(address).await?;
    let origin = format!("http://{}", listener.local_addr()?);

    let notes = notes::Notes::demo();
    let app = app::routes(notes).layer(app::sessions(users::Users::demo(), origin.starts_with("https:")));
    println!("Notes: {origin}/  sign in as ada / analytical engine, or grace / nanoseconds");
    Ok(axum::serve(listener, app).await?)
}
