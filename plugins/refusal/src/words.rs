//! Splits text into hashed words with their sentences; knows nothing of phrases or refusals.

/// One word of a text. A Chinese or Japanese character is a word by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// Of the word in lower case.
    pub hash: u32,
    /// Where it begins, in bytes.
    pub start: u32,
    /// Where it ends, in bytes.
    pub end: u32,
    /// Which sentence it stands in, counted from 0.
    pub sentence: u32,
    /// Whether it is something quoted, or code: not said by the model itself.
    pub quoted: bool,
}

/// What a word's hash starts from.
const SEED: u32 = 0x811c_9dc5;

/// One more character of a word.
fn mix(hash: u32, unit: u32) -> u32 {
    (hash ^ unit).wrapping_mul(0x0100_0193)
}

/// One more word of a phrase. A phrase begins with 0.
pub fn join(phrase: u32, word: u32) -> u32 {
    (phrase.rotate_left(7) ^ word).wrapping_mul(0x9e37_79b1)
}

/// The words of `text` in order.
///
/// Quotation marks, back-ticks and lines that begin with `>` mark words as quoted. A quotation ends with its
/// line at the latest, so that a stray mark hides little.
pub fn words(text: &str) -> Vec<Word> {
    let mut scan = Scan::new(text);
    let mut at = 0;
    while at < text.len() {
        // Most of most texts is this: plain letters and single spaces.
        let run = scan.plain(&text.as_bytes()[at..], at as u32);
        at += run;
        if let (0, Some(letter)) = (run, text[at..].chars().next()) {
            scan.letter(at as u32, letter);
            at += letter.len_utf8();
        }
    }
    scan.end_word(text.len() as u32);
    scan.words
}

/// ASCII letters in lower case and figures; 0 for every other byte.
const PLAIN: [u8; 256] = {
    let mut plain = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() {
            plain[byte] = (byte as u8).to_ascii_lowercase();
        }
        byte += 1;
    }
    plain
};

/// The state between two characters.
struct Scan {
    words: Vec<Word>,
    hash: u32,
    /// Where the word under way began.
    start: Option<u32>,
    sentence: u32,
    /// Words in the sentence under way.
    in_sentence: u32,
    quote: Option<char>,
    fenced: bool,
    back_ticks: u32,
    before: char,
    line_start: bool,
    /// Quotation marks mean nothing: the text is JSON or is one quotation.
    literal: bool,
}

impl Scan {
    fn new(text: &str) -> Self {
        let literal = text.trim_start().starts_with(['{', '[', '"', '“', '«', '„']);
        Self {
            words: Vec::with_capacity(text.len() / 5 + 8),
            hash: SEED,
            start: None,
            sentence: 0,
            in_sentence: 0,
            quote: None,
            fenced: false,
            back_ticks: 0,
            before: '\n',
            line_start: true,
            literal,
        }
    }

    /// Takes the plain letters at the beginning of `bytes` and a space after them; how many bytes that was.
    #[inline]
    fn plain(&mut self, bytes: &[u8], at: u32) -> usize {
        let mut run = 0;
        while let Some(&lower) = bytes.get(run).map(|byte| &PLAIN[usize::from(*byte)])
            && lower != 0
        {
            self.hash = mix(self.hash, u32::from(lower));
            run += 1;
        }
        if run == 0 {
            return 0;
        }
        self.start.get_or_insert(at);
        self.line_start = false;
        self.before = 'a';
        if bytes.get(run) == Some(&b' ') {
            self.end_word(at + run as u32);
            self.back_ticks = 0;
            self.before = ' ';
            run += 1;
        }
        run
    }

    /// Takes any character but a plain letter.
    fn letter(&mut self, at: u32, letter: char) {
        if matches!(letter, '\'' | '’') && self.start.is_some() {
            self.hash = mix(self.hash, '\'' as u32);
        } else if letter.is_ascii() || !self.other_letter(at, letter) {
            self.end_word(at);
            self.mark(letter);
        }
        self.line_start &= letter.is_whitespace();
        self.before = letter;
    }

    /// A letter outside ASCII; false where it is a mark.
    fn other_letter(&mut self, at: u32, letter: char) -> bool {
        if is_ideograph(letter) {
            self.end_word(at);
            self.start = Some(at);
            self.hash = mix(SEED, letter as u32);
            self.end_word(at + letter.len_utf8() as u32);
            return true;
        }
        if !letter.is_alphanumeric() {
            return false;
        }
        self.start.get_or_insert(at);
        for lower in letter.to_lowercase() {
            self.hash = mix(self.hash, lower as u32);
        }
        true
    }

    fn end_word(&mut self, end: u32) {
        let Some(start) = self.start.take() else { return };
        let quoted = self.fenced || self.quote.is_some();
        self.words.push(Word { hash: self.hash, start, end, sentence: self.sentence, quoted });
        self.hash = SEED;
        self.in_sentence += 1;
    }

    fn mark(&mut self, mark: char) {
        self.back_ticks = if mark == '`' { self.back_ticks + 1 } else { 0 };
        match mark {
            '\n' => {
                self.quote = None;
                self.line_start = true;
                self.end_sentence();
            }
            '.' | '!' | '?' | ';' | '。' | '！' | '？' => self.end_sentence(),
            '>' if self.line_start => self.quote = Some('\n'),
            _ if self.literal => {}
            '`' if self.back_ticks == 3 => {
                self.fenced = !self.fenced;
                self.quote = None;
            }
            _ => self.quotation(mark),
        }
    }

    fn quotation(&mut self, mark: char) {
        match self.quote {
            Some(open) if closes(open, mark) => self.quote = None,
            None if matches!(mark, '“' | '„' | '«' | '「') => self.quote = Some(mark),
            // After a letter or a figure it closes what is not open, or it means inches.
            None if matches!(mark, '"' | '`') && !self.before.is_alphanumeric() => self.quote = Some(mark),
            _ => {}
        }
    }

    /// A greeting or an apology of up to three words belongs to the sentence after it.
    fn end_sentence(&mut self) {
        if self.in_sentence > 3 {
            self.sentence += 1;
            self.in_sentence = 0;
        }
    }
}

fn closes(open: char, mark: char) -> bool {
    match open {
        '“' => mark == '”',
        '„' => matches!(mark, '“' | '”' | '"'),
        '«' => mark == '»',
        '「' => mark == '」',
        other => mark == other,
    }
}

/// Scripts written without spaces between words: Han, kana, and Han's extensions.
fn is_ideograph(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}
