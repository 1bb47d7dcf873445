//! An HTTP function whose result is no response.
use functions_handler::App;

struct Order {
    number: u32,
}

async fn get_order() -> Order {
    Order { number: 4711 }
}

fn main() {
    let _ = App::new().http("get-order", get_order);
}
