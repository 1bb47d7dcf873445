//! An HTTP function that takes the body before the client.
use axum::Json;
use durable_functions::DurableClient;
use functions_handler::App;

async fn start_order(Json(order): Json<u32>, client: DurableClient) -> String {
    format!("{order} {client:?}")
}

fn main() {
    let _ = App::new().http("start-order", start_order);
}
