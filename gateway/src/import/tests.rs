//! Files on their way to demand.

use super::*;
use crate::body::FILE_LIMIT;

fn destination() -> Destination {
    Destination { round_id: "rnd_x".into(), party_id: "pty_x".into() }
}

async fn spooled(text: &str) -> Spool {
    Spool::receive(Body::from(text.to_owned()), &std::env::temp_dir(), FILE_LIMIT).await.unwrap()
}

async fn sent(text: &str) -> (Read, Vec<ImportNeedsRequest>) {
    let stored = Stored::new(spooled(text).await.file);
    let file = SheetFile::open(stored, Format::Csv, &needs_file::SCHEMA, destination().origin(), &std::env::temp_dir())
        .unwrap()
        .unwrap();
    let (sender, mut receiver) = mpsc::channel(10_000);
    let reading = tokio::task::spawn_blocking(move || forward(&file, ImportHeader::default(), &sender).unwrap());
    let mut messages = Vec::new();
    while let Some(message) = receiver.recv().await {
        messages.push(message);
    }
    (reading.await.unwrap(), messages)
}

fn rows(message: &ImportNeedsRequest) -> &ImportRows {
    let Some(Part::Rows(rows)) = &message.part else { panic!("rows expected") };
    rows
}

#[tokio::test]
async fn rows_go_in_chunks_of_a_thousand_and_keep_their_numbers() {
    let mut text = "site,article,quantity\n".to_owned();
    for number in 1..=2_500 {
        text += &match number {
            17 => "\n".to_owned(),
            18 => "s,a,\n".to_owned(),
            1_200 => "s,,1\n".to_owned(),
            _ => format!("s,a,{number}\n"),
        };
    }
    let (read, messages) = sent(&text).await;
    assert_eq!((read.asked, read.skipped, read.cut_short), (2_498, 1, false));
    assert!(matches!(messages[0].part, Some(Part::Header(_))));
    let sizes: Vec<_> = messages[1..].iter().map(|message| rows(message).needs.len()).collect();
    assert_eq!(sizes, [1_000, 999, 498]);
    for message in &messages[1..] {
        let rows = rows(message);
        for (need, number) in rows.needs.iter().zip(&rows.row_numbers) {
            assert_eq!(need.quantity, *number);
        }
    }
    let faulty = rows(&messages[2]);
    assert_eq!((faulty.faulty_rows, faulty.errors.len(), faulty.errors[0].row), (1, 1, 1_200));
}

#[tokio::test]
async fn messages_stay_small_when_every_cell_is_wrong() {
    let mut text = "site,article,quantity,needed_by\n".to_owned();
    for _ in 0..2_000 {
        text += &format!(",{0},{0},{0}\n", "x".repeat(200));
    }
    let (_, messages) = sent(&text).await;
    for message in &messages {
        assert!(prost::Message::encoded_len(message) < 1024 * 1024);
    }
}

#[tokio::test]
async fn a_line_without_end_is_cut_and_the_next_one_read() {
    let text = format!("site,article,quantity\ns,{},1\ns,a,2", "x".repeat(200_000));
    let (read, messages) = sent(&text).await;
    let rows = rows(&messages[1]);
    assert_eq!((read.asked, rows.errors[0].row, rows.needs[0].quantity, rows.row_numbers[0]), (2, 1, 2, 2));
}

#[tokio::test]
async fn rows_are_only_counted_once_demand_has_answered() {
    let stored = Stored::new(spooled("site;article;quantity\ns;a;1\ns;a;\n").await.file);
    let file = SheetFile::open(stored, Format::Csv, &needs_file::SCHEMA, destination().origin(), &std::env::temp_dir())
        .unwrap()
        .unwrap();
    let (sender, receiver) = mpsc::channel(1);
    drop(receiver);
    let read = tokio::task::spawn_blocking(move || forward(&file, ImportHeader::default(), &sender).unwrap());
    let read = read.await.unwrap();
    assert_eq!((read.asked, read.skipped, read.cut_short), (1, 1, true));
}

#[test]
fn a_replacement_is_named_by_its_key_too_and_an_addition_by_the_file_alone() {
    let order = |mode, key: &str| Order { destination: destination(), format: Format::Csv, mode, key: key.into() };
    let id = |mode, key| header(&order(mode, key), "00").request_id;
    assert_eq!(id(ImportMode::Add, "a"), id(ImportMode::Add, "b"));
    assert_ne!(id(ImportMode::Add, "a"), id(ImportMode::Replace, "a"));
    assert_ne!(id(ImportMode::Replace, "a"), id(ImportMode::Replace, "b"));
    assert_eq!(id(ImportMode::Replace, "a"), id(ImportMode::Replace, "a"));
}

#[tokio::test]
async fn a_spooled_file_has_a_hash_and_no_name() {
    let dir = std::env::temp_dir().join(format!("centrale-test-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&dir).unwrap();
    let spool = Spool::receive(Body::from("abc"), &dir, FILE_LIMIT).await.unwrap();
    assert_eq!(spool.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
    std::fs::remove_dir(&dir).unwrap();
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_while_it_is_sent() {
    let chunk = bytes::Bytes::from(vec![b'x'; 1024 * 1024]);
    let body = Body::from_stream(futures::stream::iter((0..65).map(move |_| Ok::<_, std::io::Error>(chunk.clone()))));
    let refused = Spool::receive(body, &std::env::temp_dir(), FILE_LIMIT).await.unwrap_err();
    assert_eq!(refused.reason(), "BODY_TOO_LARGE");
}
