//! An activity that holds something that is not `Send` across an await.
use std::rc::Rc;

use durable_functions::{Activity, ActivityContext, AppExt, Result};
use functions_handler::App;

const COUNT: Activity<String, usize> = Activity::new("count");

async fn count(_: ActivityContext, text: String) -> Result<usize> {
    let text = Rc::new(text);
    std::future::ready(()).await;
    Ok(text.len())
}

fn main() {
    let _ = App::new().activity(COUNT, count);
}
