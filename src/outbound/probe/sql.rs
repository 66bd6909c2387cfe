//! Takes SQL apart as far as a server does before it parses: words are told from texts, names in quotes and comments.

/// How a server reads quotes and comments.
#[derive(Clone, Copy)]
pub enum Dialect {
    PostgreSql,
    MySql {
        /// `\'` within a text: not with the mode NO_BACKSLASH_ESCAPES.
        has_escapes: bool,
        /// `"a"` is a name and not a text: with the mode ANSI_QUOTES.
        has_ansi_quotes: bool,
    },
}

impl Dialect {
    fn is_postgresql(self) -> bool {
        match self {
            Self::PostgreSql => true,
            Self::MySql { .. } => false,
        }
    }

    /// Whether a backslash hides the quote behind it, in what `quote` opens.
    fn escapes(self, quote: char) -> bool {
        match self {
            Self::PostgreSql => false,
            Self::MySql { has_escapes, has_ansi_quotes } => {
                has_escapes && (quote == '\'' || quote == '"' && !has_ansi_quotes)
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword, a name without quotes, or a number.
    Word,
    /// A text, or a name in quotes.
    Quoted,
    /// `/*!` or `/*M!`: MySQL and MariaDB run what is in it.
    ExecutableComment,
    /// Any other character.
    Symbol,
}

#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    pub kind: TokenKind,
    pub text: &'a str,
    /// Where it ends in the statement.
    end: usize,
}

impl Token<'_> {
    pub fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == TokenKind::Symbol && self.text == symbol
    }
}

/// One statement, without the semicolons and comments behind it.
pub struct Statement<'a> {
    pub text: &'a str,
    pub tokens: Vec<Token<'a>>,
}

impl<'a> Statement<'a> {
    /// Returns `None` if there is more than one statement.
    pub fn single(sql: &'a str, dialect: Dialect) -> Option<Self> {
        let mut tokens = tokens(sql, dialect);
        if let Some(end) = tokens.iter().position(|token| token.is_symbol(";")) {
            let rest = tokens.split_off(end);
            if !rest.iter().all(|token| token.is_symbol(";")) {
                return None;
            }
        }
        let end = tokens.last().map_or(0, |token| token.end);
        Some(Self { text: sql.get(..end).unwrap_or_default(), tokens })
    }

    /// The first word, behind opening brackets.
    pub fn first_word(&self) -> &'a str {
        let first = self.tokens.iter().find(|token| !token.is_symbol("("));
        first.filter(|token| token.kind == TokenKind::Word).map_or("", |token| token.text)
    }

    /// Whether these words stand one behind the other.
    pub fn has_words(&self, words: &[&str]) -> bool {
        self.tokens
            .windows(words.len())
            .any(|tokens| tokens.iter().zip(words).all(|(token, word)| token.is_word(word)))
    }
}

/// The tokens of a text; comments are left out. What is opened and never closed reaches to the end.
fn tokens(sql: &str, dialect: Dialect) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = sql.get(at..).filter(|rest| !rest.is_empty()) {
        let space = rest.len() - rest.trim_start_matches(is_space).len();
        if let Some(length) = Some(space).filter(|space| *space > 0).or(comment(rest, dialect)) {
            at += length;
            continue;
        }
        let Piece { kind, length } = piece(rest, dialect);
        at += length;
        tokens.push(Token { kind, text: rest.get(..length).unwrap_or(rest), end: at });
    }
    tokens
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t'..='\r')
}

/// The length of the comment that `rest` begins with.
fn comment(rest: &str, dialect: Dialect) -> Option<usize> {
    let to_end_of_line = || rest.find('\n').map_or(rest.len(), |at| at + 1);
    if let Some(behind) = rest.strip_prefix("--") {
        // MySQL wants a space: `5--1` is a sum.
        let is_comment = dialect.is_postgresql() || behind.chars().next().is_none_or(|c| c <= ' ');
        return is_comment.then(to_end_of_line);
    }
    match dialect {
        Dialect::PostgreSql => rest.starts_with("/*").then(|| nested_comment(rest)),
        Dialect::MySql { .. } if rest.starts_with('#') => Some(to_end_of_line()),
        Dialect::MySql { .. } => {
            let is_comment = rest.starts_with("/*") && executable(rest).is_none();
            is_comment.then(|| {
                rest.get(2..).and_then(|text| text.find("*/")).map_or(rest.len(), |end| end + 4)
            })
        }
    }
}

/// PostgreSQL's comments may have comments within.
fn nested_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(text) = rest.get(at..).filter(|text| !text.is_empty()) {
        if text.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The length of what opens an executable comment.
fn executable(rest: &str) -> Option<usize> {
    ["/*!", "/*M!"].into_iter().find(|opening| rest.starts_with(opening)).map(str::len)
}

struct Piece {
    kind: TokenKind,
    length: usize,
}

/// The token that `rest` begins with.
fn piece(rest: &str, dialect: Dialect) -> Piece {
    let first = rest.chars().next().unwrap_or_default();
    if let (false, Some(length)) = (dialect.is_postgresql(), executable(rest)) {
        return Piece { kind: TokenKind::ExecutableComment, length };
    }
    if let Some(length) = quoted_length(rest, first, dialect) {
        return Piece { kind: TokenKind::Quoted, length };
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
    if is_name(first) && first != '$' {
        let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        return Piece { kind: TokenKind::Word, length };
    }
    Piece { kind: TokenKind::Symbol, length: first.len_utf8() }
}

/// The length of the text, or of the name in quotes, that `rest` begins with.
fn quoted_length(rest: &str, first: char, dialect: Dialect) -> Option<usize> {
    if matches!(first, '\'' | '"') || first == '`' && !dialect.is_postgresql() {
        return Some(quoted(rest, first, dialect.escapes(first)));
    }
    if !dialect.is_postgresql() {
        return None;
    }
    if rest.starts_with("E'") || rest.starts_with("e'") {
        let text = rest.get(1..).unwrap_or_default();
        return Some(1 + quoted(text, '\'', true));
    }
    dollar_quoted(rest)
}

/// The length of what `quote` opens; the quote doubled stands for itself.
fn quoted(rest: &str, quote: char, has_escapes: bool) -> usize {
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if has_escapes && character == '\\' {
            characters.next();
        } else if character == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return at + quote.len_utf8();
        }
    }
    rest.len()
}

/// `$$text$$`, `$tag$text$tag$`; `None` for a parameter such as `$1`.
fn dollar_quoted(rest: &str) -> Option<usize> {
    let behind = rest.strip_prefix('$')?;
    let (tag, text) = behind.split_once('$')?;
    let is_tag = tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii())
        && !tag.starts_with(|c: char| c.is_ascii_digit());
    let closing = format!("${tag}$");
    is_tag.then(|| {
        let opening = closing.len();
        text.find(&closing).map_or(rest.len(), |at| opening + at + closing.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MYSQL: Dialect = Dialect::MySql { has_escapes: true, has_ansi_quotes: false };

    fn texts(sql: &str, dialect: Dialect) -> Vec<&str> {
        tokens(sql, dialect).iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_are_left_out_as_each_server_reads_them() {
        let sql = "/* a */ SELECT -- b\n 1 # c\n";
        assert_eq!(texts(sql, MYSQL), ["SELECT", "1"]);
        assert_eq!(texts(sql, Dialect::PostgreSql), ["SELECT", "1", "#", "c"]);
        assert_eq!(texts("5--1", MYSQL), ["5", "-", "-", "1"]);
        assert_eq!(texts("5--1", Dialect::PostgreSql), ["5"]);
        assert_eq!(texts("/* /* */ x */ y", MYSQL), ["x", "*", "/", "y"]);
        assert_eq!(texts("/* /* */ x */ y", Dialect::PostgreSql), ["y"]);
        assert_eq!(texts("/* open", MYSQL), Vec::<&str>::new());
    }

    #[test]
    fn what_is_in_quotes_is_one_token() {
        assert_eq!(texts(r"'a\'b' 'c''d' `e;f`", MYSQL), [r"'a\'b'", "'c''d'", "`e;f`"]);
        let plain = Dialect::MySql { has_escapes: false, has_ansi_quotes: false };
        assert_eq!(texts(r"'a\' b", plain), [r"'a\'", "b"]);
        let ansi = Dialect::MySql { has_escapes: true, has_ansi_quotes: true };
        assert_eq!(texts(r#""a\" 'b\'' c"#, ansi), [r#""a\""#, r"'b\''", "c"]);
        let sql = r#"'a\' E'b\'c' "d;e" $$f;'$$ $t$ $$ ; $t$ $1 x$y"#;
        assert_eq!(
            texts(sql, Dialect::PostgreSql),
            [r"'a\'", r"E'b\'c'", "\"d;e\"", "$$f;'$$", "$t$ $$ ; $t$", "$", "1", "x$y"]
        );
    }

    #[test]
    fn executable_comments_are_tokens_for_those_who_run_them() {
        for (sql, opening) in [("/*!50000 DROP */", "/*!"), ("/*M!100000 DROP */", "/*M!")] {
            assert_eq!(tokens(sql, MYSQL)[0].kind, TokenKind::ExecutableComment);
            assert_eq!(tokens(sql, MYSQL)[0].text, opening);
            assert!(tokens(sql, Dialect::PostgreSql).is_empty());
        }
        assert!(tokens("/*+ HINT */ /* ! */", MYSQL).is_empty());
    }

    #[test]
    fn semicolons_and_comments_at_the_end_are_no_part_of_a_statement() {
        let text = |sql| Statement::single(sql, Dialect::PostgreSql).map(|one| one.text);
        assert_eq!(text("select 1; -- done"), Some("select 1"));
        assert_eq!(text("SELECT 1 /* x */;\n-- end"), Some("SELECT 1"));
        assert_eq!(text("SELECT ';' ;; "), Some("SELECT ';'"));
        assert_eq!(text("SELECT 1; SELECT 2"), None);
        assert_eq!(text(""), Some(""));
    }

    #[test]
    fn the_first_word_and_words_in_a_row_are_found_outside_of_quotes() {
        let one = Statement::single("-- x\n ((select 'into outfile' INTO  outfile))", MYSQL);
        let one = one.unwrap();
        assert_eq!(one.first_word(), "select");
        assert!(one.has_words(&["INTO", "OUTFILE"]));
        assert!(!Statement::single("SELECT 'INTO OUTFILE'", MYSQL).unwrap().has_words(&["INTO"]));
        assert_eq!(Statement::single("'a' SELECT", MYSQL).unwrap().first_word(), "");
    }
}
