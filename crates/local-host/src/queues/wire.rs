//! The XML of the queue service.

use chrono::{DateTime, Utc};
use roxmltree::{Document, Node};

use super::message::Message;

/// The messages of an answer; `None` if it is none of the service.
pub(super) fn messages(xml: &str) -> Option<Vec<Message>> {
    let document = Document::parse(xml.trim_start_matches('\u{feff}')).ok()?;
    let list = document.root_element();
    if !list.has_tag_name("QueueMessagesList") {
        return None;
    }
    list.children()
        .filter(|node| node.has_tag_name("QueueMessage"))
        .map(message)
        .collect()
}

fn message(node: Node<'_, '_>) -> Option<Message> {
    let text = |name: &str| {
        let member = node.children().find(|child| child.has_tag_name(name))?;
        let texts = member.descendants().filter(Node::is_text);
        Some(texts.filter_map(|text| text.text()).collect::<String>())
    };
    let time = |name| -> Option<DateTime<Utc>> {
        let time = DateTime::parse_from_rfc2822(&text(name)?).ok()?;
        Some(time.to_utc())
    };
    Some(Message {
        id: text("MessageId")?,
        pop_receipt: text("PopReceipt")?,
        inserted: time("InsertionTime")?,
        expires: time("ExpirationTime")?,
        next_visible: time("TimeNextVisible")?,
        dequeue_count: text("DequeueCount")?.parse().ok()?,
        text: text("MessageText").unwrap_or_default(),
    })
}

/// The body that puts a message into a queue.
pub(super) fn new_message(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // A reader of XML would make it a line feed.
            '\r' => escaped.push_str("&#xD;"),
            other => escaped.push(other),
        }
    }
    format!("<QueueMessage><MessageText>{escaped}</MessageText></QueueMessage>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_as_it_was_put() {
        let text = " <a>&amp;\r\n\u{1f9c0} ]]> ";
        let put = new_message(text);
        let inner = put
            .strip_prefix("<QueueMessage>")
            .and_then(|rest| rest.strip_suffix("</QueueMessage>"))
            .unwrap();
        let xml = format!(
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><QueueMessagesList><QueueMessage>\
             <MessageId>i</MessageId><InsertionTime>Mon, 27 Jun 2022 13:38:48 GMT</InsertionTime>\
             <ExpirationTime>Fri, 31 Dec 9999 23:59:59 GMT</ExpirationTime><PopReceipt>p</PopReceipt>\
             <TimeNextVisible>Mon, 27 Jun 2022 13:38:53 GMT</TimeNextVisible><DequeueCount>3</DequeueCount>\
             {inner}</QueueMessage></QueueMessagesList>"
        );
        let read = messages(&xml).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].text, text);
        assert_eq!(
            read[0].details(),
            "MessageId: i, DequeueCount: 3, InsertedOn: 2022-06-27T13:38:48+00:00"
        );
    }

    #[test]
    fn other_answers_are_not_taken_for_an_empty_queue() {
        assert_eq!(messages("<QueueMessagesList/>"), Some(Vec::new()));
        for text in [
            "",
            "{}",
            "<html></html>",
            "<QueueMessagesList><QueueMessage/></QueueMessagesList>",
        ] {
            assert_eq!(messages(text), None, "{text}");
        }
    }
}
