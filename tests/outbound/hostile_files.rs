//! Files that are made to cost much, from SSH and from S3: columns, cells and keys without measure. Of a file only the
//! beginning is read; the preview keeps to its limits within that, too.
use authorizers::model::report::Fault;
use authorizers::model::table::{MAX_CHOICES, Table};
use authorizers::outbound::probe::{s3, sftp};

use super::account::{Typed, list, out, settings};
use crate::services::s3::{KEY, S3};
use crate::services::sshd::Sshd;

fn by_ssh() -> Typed {
    let sshd = Sshd::shared();
    let port = sshd.port().to_string();
    Typed::new(
        "sftp",
        &[
            ("host", "127.0.0.1"),
            ("port", &port),
            ("user", &sshd.user()),
            ("method", "key"),
            ("private_key", &sshd.key("plain")),
        ],
    )
}

fn by_s3() -> Typed {
    Typed::new(
        "s3",
        &[
            ("access_key_id", KEY),
            ("secret_access_key", KEY),
            ("region", "us-east-1"),
            ("endpoint", &S3::shared().endpoint()),
            ("path_style", "true"),
            ("bucket", "lake"),
        ],
    )
}

/// The same file from both; it must be shown alike.
async fn preview(name: &str, text: &str, format: &str) -> Result<Table, Fault> {
    std::fs::write(Sshd::shared().files().join(name), text).unwrap();
    let object = S3::shared().data().join("lake").join(format!("{name}._S3rver_object"));
    std::fs::write(object, text).unwrap();
    let asked = settings(&[("path", name), ("format", format)]);
    let shown = sftp::preview(&out(), &by_ssh().account(), &asked).await;
    assert_eq!(s3::preview(&out(), &by_s3().account(), &asked).await, shown);
    shown
}

#[tokio::test]
async fn of_many_columns_the_first_are_shown_and_all_are_counted() {
    let commas = format!("{}\n{}\n", ",".repeat(60_000), ",".repeat(60_000));
    let table = preview("hostile-commas.csv", &commas, "csv").await.unwrap();
    assert_eq!((table.columns.len(), table.column_count), (500, 60_001));
    assert_eq!((table.rows.len(), table.rows[0].len()), (1, 500));
    // Rows that are wider than the header.
    let ragged = format!("a\n{}\n", "x,".repeat(60_000));
    let table = preview("hostile-ragged.csv", &ragged, "csv").await.unwrap();
    assert_eq!((table.columns.len(), table.column_count), (500, 60_001));
    assert_eq!((table.columns[0].as_str(), table.columns[499].as_str()), ("a", "column 500"));
    let keys = |from: usize, to: usize| {
        let keys: Vec<String> = (from..to).map(|n| format!("\"k{n}\":1")).collect();
        format!("{{{}}}\n", keys.join(","))
    };
    let lines: String = (0..10).map(|row| keys(row * 2000, row * 2000 + 2000)).collect();
    let table = preview("hostile-keys.jsonl", &lines, "jsonl").await.unwrap();
    assert_eq!((table.columns.len(), table.column_count, table.rows.len()), (500, 20_000, 10));
    let list = format!("[{}1]\n", "1,".repeat(60_000));
    let table = preview("hostile-list.jsonl", &list, "jsonl").await.unwrap();
    assert_eq!((table.columns.len(), table.column_count), (500, 60_001));
}

#[tokio::test]
async fn long_cells_deep_nesting_and_many_lines_are_shown_by_their_beginning() {
    let cells = format!("{}\n{}\n", "n".repeat(60_000), "é".repeat(60_000));
    let table = preview("hostile-cells.csv", &cells, "csv").await.unwrap();
    assert_eq!(table.columns[0].chars().count(), 101);
    assert_eq!(table.rows[0][0].as_ref().unwrap().chars().count(), 301);
    let deep = format!("{{\"a\":{}{}}}\n", "[".repeat(9_000), "]".repeat(9_000));
    let table = preview("hostile-deep.jsonl", &deep, "jsonl").await.unwrap();
    assert!(table.rows[0][0].as_ref().unwrap().starts_with("[[["));
    let number = format!("{{\"a\":{},\"b\":1e400}}\n", "9".repeat(50_000));
    let table = preview("hostile-number.jsonl", &number, "jsonl").await.unwrap();
    assert_eq!(table.rows[0][1].as_deref(), Some("1e400"));
    let lines = "x\n".repeat(1_000_000);
    let table = preview("hostile-lines.csv", &lines, "csv").await.unwrap();
    assert_eq!((table.rows.len(), table.more), (20, true));
    // One line that does not end within what is read.
    let table = preview("hostile-line.csv", &"x".repeat(1 << 20), "csv").await.unwrap();
    assert!(table.more && table.columns[0].chars().count() == 101);
    // A quote that is never closed.
    let table =
        preview("hostile-quote.csv", &format!("a\n\"{}", "x\n".repeat(90_000)), "csv").await;
    assert_eq!(table.unwrap().rows[0][0].as_ref().unwrap().chars().count(), 301);
}

#[tokio::test]
async fn a_folder_of_many_files_gives_a_list_that_a_form_can_hold() {
    let folder = Sshd::shared().files().join("hostile-many");
    std::fs::create_dir(&folder).unwrap();
    for number in 0..MAX_CHOICES + 500 {
        std::fs::write(folder.join(format!("{number:05}.csv")), "").unwrap();
    }
    let asked = settings(&[("folder", "hostile-many")]);
    let found = sftp::choices(&out(), &by_ssh().account(), &list("files"), &asked).await.unwrap();
    assert_eq!(found.len(), MAX_CHOICES);
}
