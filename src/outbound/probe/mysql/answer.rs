//! The answer to a statement, read row by row: of a row and of a cell no more is kept than is wanted.
use super::connection::{Connection, Trouble};
use super::packet::{Packets, Reader};
use crate::model::table::PREVIEW_COLUMNS;

const BINARY: u64 = 63;
const TYPE_BIT: u64 = 16;
const TYPE_GEOMETRY: u64 = 255;
const TYPES_OF_BYTES: &[u64] = &[15, 249, 250, 251, 252, 253, 254];
/// As much of a cell as a statement of ours needs: names, and the rights of a grant.
const OWN_CELL_BYTES: usize = 2048;
/// No table and no query has more columns.
const MAX_COLUMNS: u64 = 4096;

/// Column names and rows.
#[derive(Default)]
pub(super) struct Rows {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
}

struct Column {
    name: String,
    charset: u64,
    kind: u64,
}

/// What the server says of a statement before it is run.
pub(super) struct Prepared {
    id: [u8; 4],
    pub columns: u64,
    pub parameters: u64,
}

impl Prepared {
    fn read(packet: &[u8]) -> Option<Self> {
        let mut reader = Reader(packet);
        reader.take(1)?;
        Some(Self {
            id: reader.take(4)?.try_into().ok()?,
            columns: reader.number(2)?,
            parameters: reader.number(2)?,
        })
    }
}

/// An answer whose rows follow.
pub(super) struct Answer<'a> {
    packets: &'a mut Packets,
    /// Those that a preview shows.
    columns: Vec<Column>,
    /// All of them.
    column_count: u64,
    /// The most bytes of a cell that are kept.
    cell_bytes: usize,
}

impl Connection {
    /// Runs a statement of ours and returns at most `most` of its rows. When there are more, the connection is of no
    /// more use.
    pub async fn query(&mut self, sql: &str, most: usize) -> Result<Rows, Trouble> {
        let mut rows = Rows::default();
        let mut answer = self.run(sql, OWN_CELL_BYTES).await?;
        rows.columns = answer.names();
        while let Some(row) = answer.next().await? {
            if rows.rows.len() == most {
                break;
            }
            rows.rows.push(row);
        }
        Ok(rows)
    }

    /// Runs a statement. A statement without rows has an answer without columns.
    pub async fn run(&mut self, sql: &str, cell_bytes: usize) -> Result<Answer<'_>, Trouble> {
        let packets = self.command(0x03, sql.as_bytes()).await?;
        let first = packets.read().await?;
        let column_count = match first.first() {
            Some(0x00) => 0,
            Some(0xff) => return Err(refused(&first)),
            Some(0xfb) => {
                return Err(Trouble::Broken(
                    "The server asks for a local file, and gets none.".to_owned(),
                ));
            }
            _ => Reader(&first).length().flatten().ok_or_else(garbled)? as u64,
        };
        let mut answer = Answer { packets, columns: Vec::new(), column_count, cell_bytes };
        if column_count > 0 {
            answer.columns = answer.read_columns(column_count).await?;
        }
        Ok(answer)
    }

    /// Asks what a statement would answer; nothing of it is run.
    pub async fn prepare(&mut self, sql: &str) -> Result<Prepared, Trouble> {
        let packets = self.command(0x16, sql.as_bytes()).await?;
        let first = packets.read().await?;
        if first.first() == Some(&0xff) {
            return Err(refused(&first));
        }
        let prepared = Prepared::read(&first).ok_or_else(garbled)?;
        let mut answer = Answer { packets, columns: Vec::new(), column_count: 0, cell_bytes: 0 };
        for count in [prepared.parameters, prepared.columns] {
            if count > 0 {
                answer.read_columns(count).await?;
            }
        }
        // Closing it has no answer.
        self.command(0x19, &prepared.id).await?;
        Ok(prepared)
    }
}

impl Answer<'_> {
    pub fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    pub fn column_count(&self) -> usize {
        usize::try_from(self.column_count).unwrap_or(usize::MAX)
    }

    async fn read_columns(&mut self, count: u64) -> Result<Vec<Column>, Trouble> {
        if count > MAX_COLUMNS {
            return Err(Trouble::TooLarge("The answer has more than 4,096 columns.".to_owned()));
        }
        let mut columns = Vec::new();
        for _ in 0..count {
            let packet = self.packets.read().await?;
            let column = column(&packet).ok_or_else(garbled)?;
            if columns.len() < PREVIEW_COLUMNS {
                columns.push(column);
            }
        }
        // The packet that ends them.
        self.packets.read().await?;
        Ok(columns)
    }

    /// Reads the next row: the cells of the columns that are shown.
    pub async fn next(&mut self) -> Result<Option<Vec<Option<String>>>, Trouble> {
        if self.column_count == 0 {
            return Ok(None);
        }
        let length = self.packets.begin().await?;
        match self.packets.peek().await? {
            0xff => return Err(refused(&self.packets.rest().await?)),
            0xfe if length < 9 => {
                self.packets.rest().await?;
                self.column_count = 0;
                return Ok(None);
            }
            _ => {}
        }
        let mut row = Vec::with_capacity(self.columns.len());
        for at in 0..self.column_count() {
            let column = self.columns.get(at);
            let Some(length) = self.packets.length().await? else {
                row.extend(column.map(|_| None));
                continue;
            };
            let kept = if column.is_some() { self.cell_bytes } else { 0 };
            let bytes = self.packets.take(length, kept).await?;
            row.extend(column.map(|column| Some(text(&bytes, column))));
        }
        if !self.packets.is_over().await? {
            return Err(garbled());
        }
        Ok(Some(row))
    }
}

fn garbled() -> Trouble {
    Trouble::Broken("The server's answer cannot be read.".to_owned())
}

pub(super) fn refused(packet: &[u8]) -> Trouble {
    let mut reader = Reader(packet);
    reader.take(1);
    let code = reader.number(2).and_then(|code| u16::try_from(code).ok()).unwrap_or_default();
    let state = match reader.0.strip_prefix(b"#") {
        Some(rest) => {
            reader = Reader(rest);
            reader
                .take(5)
                .map(|state| String::from_utf8_lossy(state).into_owned())
                .unwrap_or_default()
        }
        None => String::new(),
    };
    Trouble::Refused { code, state, message: String::from_utf8_lossy(reader.0).into_owned() }
}

fn column(packet: &[u8]) -> Option<Column> {
    let mut reader = Reader(packet);
    for _ in 0..4 {
        reader.bytes()?;
    }
    let name = String::from_utf8_lossy(reader.bytes()??).into_owned();
    reader.bytes()?;
    reader.length()?;
    let charset = reader.number(2)?;
    reader.take(4)?;
    Some(Column { name, charset, kind: reader.number(1)? })
}

/// Bytes that are no text are shown in hexadecimal.
fn text(bytes: &[u8], column: &Column) -> String {
    if column.kind == TYPE_BIT {
        return bytes.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)).to_string();
    }
    let is_binary = column.kind == TYPE_GEOMETRY
        || column.charset == BINARY && TYPES_OF_BYTES.contains(&column.kind);
    if !is_binary {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    bytes.iter().fold("0x".to_owned(), |hex, byte| format!("{hex}{byte:02x}"))
}
