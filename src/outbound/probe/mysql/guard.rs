//! What a query may say. The server refuses writes first (it prepares the query, in a read-only transaction); this
//! refuses what a read-only transaction lets pass, and says why.
use crate::outbound::probe::sql::{Dialect, Statement, Token, TokenKind};

/// Words that a query may begin with.
const READS: &[&str] =
    &["SELECT", "WITH", "VALUES", "TABLE", "SHOW", "DESCRIBE", "DESC", "EXPLAIN"];
/// A function that reads files of the server.
const LOAD_FILE: &str = "LOAD_FILE";
/// What may stand behind the named queries of WITH, and what may not.
const VERBS: &[&str] = &["SELECT", "VALUES", "TABLE", "INSERT", "REPLACE", "UPDATE", "DELETE"];

/// Returns the query without what stands behind it, or why it is refused.
pub(super) fn check(query: &str, dialect: Dialect) -> Result<&str, &'static str> {
    let Some(statement) = Statement::single(query, dialect) else {
        return Err("Enter a single statement.");
    };
    if statement.tokens.iter().any(|token| token.kind == TokenKind::ExecutableComment) {
        return Err("The query can't contain executable comments (/*! … */).");
    }
    let first = statement.first_word();
    if !READS.iter().any(|read| first.eq_ignore_ascii_case(read)) || writes_behind_with(&statement)
    {
        return Err("The query must read data: begin it with SELECT or WITH.");
    }
    for (words, why) in [
        (&["INTO", "OUTFILE"] as &[&str], "The query can't write to a file."),
        (&["INTO", "DUMPFILE"], "The query can't write to a file."),
        (&["FOR", "UPDATE"], "The query can't lock rows (FOR UPDATE)."),
    ] {
        if statement.has_words(words) {
            return Err(why);
        }
    }
    let reads_file = |pair: &[Token<'_>]| match pair {
        [name, bracket] => is_load_file(name) && bracket.is_symbol("("),
        _ => false,
    };
    if statement.tokens.windows(2).any(reads_file) {
        return Err("The query can't read files on the server (LOAD_FILE).");
    }
    Ok(statement.text)
}

/// Whether a server could take this for the name of LOAD_FILE: in quotes it is the same function.
/// A letter that is not ASCII counts as any, since servers fold case by tables of their own.
fn is_load_file(token: &Token<'_>) -> bool {
    let name = match token.kind {
        TokenKind::Word => token.text,
        TokenKind::Quoted => token.text.trim_matches(['`', '"']).trim_end(),
        TokenKind::ExecutableComment | TokenKind::Symbol => return false,
    };
    let is_like = |(a, b): (char, char)| !a.is_ascii() || a.eq_ignore_ascii_case(&b);
    name.chars().count() == LOAD_FILE.len() && name.chars().zip(LOAD_FILE.chars()).all(is_like)
}

/// `WITH a AS (…) DELETE …`
fn writes_behind_with(statement: &Statement<'_>) -> bool {
    if !statement.first_word().eq_ignore_ascii_case("WITH") {
        return false;
    }
    let mut depth = 0_usize;
    for token in &statement.tokens {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0
            && let Some(verb) = VERBS.iter().find(|verb| token.is_word(verb))
        {
            return !matches!(*verb, "SELECT" | "VALUES" | "TABLE");
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str) -> Result<&str, &'static str> {
        super::check(query, Dialect::MySql { has_escapes: true, has_ansi_quotes: false })
    }

    #[test]
    fn reads_pass_without_what_stands_behind_them() {
        for query in [
            "SELECT 1",
            " /* a */ -- b\n ((SELECT 1))",
            "(SELECT 1) UNION (SELECT 2)",
            "WITH x AS (SELECT 1) SELECT REPLACE(a, 'b', 'c'), INSERT('a', 1, 1, 'b') FROM x",
            "with recursive x (a) as (select 1), y as (select 2) table x",
            "SHOW TABLES",
            "EXPLAIN SELECT 1",
            "SELECT 'INTO OUTFILE', \"/*! x */\", `load_file`, load_file, dumpfile FROM t",
            "SELECT 'load_file', upload_file('x')",
            "SELECT 1 /* INTO OUTFILE 'x' */",
            "SELECT 1 -- FOR UPDATE",
        ] {
            assert!(check(query).is_ok(), "{query}");
        }
        assert_eq!(check("SELECT 1; -- the end"), Ok("SELECT 1"));
    }

    #[test]
    fn everything_else_is_refused() {
        for query in [
            "",
            "/* open",
            "DELETE FROM t",
            "#x\nDELETE FROM t",
            "SELECT 1; DELETE FROM t",
            "/*! SELECT */ 1",
            "SELECT 1 /*!50000 INTO OUTFILE 'x' */",
            "SELECT 1 /*M! + 1 */",
            "WITH x AS (SELECT 1) DELETE FROM t",
            "WITH x AS (SELECT 1) UPDATE t SET a = 1",
            "SELECT 1 INTO\n/* x */ OUTFILE 'x'",
            "SELECT 1 into dumpfile 'x'",
            // Only PostgreSQL knows these quotes: here they are names.
            "SELECT $$ INTO OUTFILE 'x' -- $$",
            "SELECT $a$ INTO OUTFILE 'x' -- $a$",
            "SELECT LOAD_FILE ('/etc/passwd')",
            "SELECT `load_file`('/etc/passwd')",
            "SELECT `LOAD_FILE ` ('/etc/passwd')",
            "SELECT load_f\u{130}le('/etc/passwd')",
            "SELECT * FROM t FOR UPDATE",
            "BEGIN NOT ATOMIC SELECT 1; END",
            "EXECUTE IMMEDIATE 'SELECT 1'",
            "SET @a = 1",
            "CALL p()",
            "HANDLER t OPEN",
            "DO 1",
        ] {
            assert!(check(query).is_err(), "{query}");
        }
    }
}
