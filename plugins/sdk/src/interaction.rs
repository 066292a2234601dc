//! Reading an interaction: its texts, its spans, its attributes.

use std::borrow::Cow;

use crate::{Attribute, AttributeValue, Call, Interaction, Message, Part, Span, TextSource, Timing};

/// One text of an interaction and where it stands. It derefs to the text.
///
/// ```
/// # use tribunal_sdk::Interaction;
/// let interaction = Interaction::example("Who are you?", "A model.");
/// let text = interaction.output_texts().next().unwrap();
/// assert!(text.starts_with("A "));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    text: &'a str,
    role: &'a str,
    source: TextSource,
    message: u32,
    part: u32,
}

impl<'a> Text<'a> {
    /// The text itself, for as long as the interaction lives.
    ///
    /// ```
    /// # use tribunal_sdk::Interaction;
    /// fn longest(interaction: &Interaction) -> Option<&str> {
    ///     interaction.output_texts().map(|text| text.as_str()).max_by_key(|text| text.len())
    /// }
    /// assert_eq!(longest(&Interaction::example("Who?", "Me.")), Some("Me."));
    /// ```
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// The role of the message it stands in, such as `user`.
    ///
    /// ```
    /// # use tribunal_sdk::Interaction;
    /// let interaction = Interaction::example("Who are you?", "A model.");
    /// let asked: Vec<_> = interaction.input_texts().filter(|text| text.role() == "user").collect();
    /// assert_eq!(asked.len(), 1);
    /// ```
    pub fn role(&self) -> &'a str {
        self.role
    }

    /// The span of these bytes of the text.
    ///
    /// ```
    /// # use tribunal_sdk::Interaction;
    /// let interaction = Interaction::example("Who are you?", "I am am a model.");
    /// let text = interaction.output_texts().next().unwrap();
    /// let at = text.find("am am").unwrap();
    /// let span = text.span(at..at + "am am".len());
    /// assert_eq!((span.start, span.end), (2, 7));
    /// ```
    ///
    /// # Panics
    ///
    /// Where the range is empty, outside the text or inside a character.
    pub fn span(&self, range: std::ops::Range<usize>) -> Span {
        assert!(!self.text[range.clone()].is_empty(), "an empty span");
        let offset = |at: usize| u32::try_from(at).expect("a text under 4 GiB");
        Span {
            source: self.source,
            message: self.message,
            part: self.part,
            start: offset(range.start),
            end: offset(range.end),
        }
    }

    /// The span of the whole text, or none where it is empty.
    ///
    /// ```
    /// # use tribunal_sdk::{Finding, Interaction, Severity};
    /// let interaction = Interaction::example("Who are you?", "NOBODY");
    /// let text = interaction.output_texts().next().unwrap();
    /// let finding = Finding::new("grammatical", "capitals", Severity::Low).at(text.whole());
    /// assert_eq!(finding.span.unwrap().end, 6);
    /// ```
    pub fn whole(&self) -> Option<Span> {
        (!self.text.is_empty()).then(|| self.span(0..self.text.len()))
    }
}

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.text
    }
}

impl Message {
    /// A message of one text.
    ///
    /// ```
    /// # use tribunal_sdk::{Interaction, Message};
    /// let mut interaction = Interaction::example("Who are you?", "A model.");
    /// interaction.input.insert(0, Message::text("system", "Answer briefly."));
    /// ```
    pub fn text(role: &str, text: &str) -> Self {
        Self { role: role.to_owned(), parts: vec![Part::Text(text.to_owned())], attributes: Vec::new() }
    }
}

impl Interaction {
    /// A chat call of one question and one answer, and nothing else known of it: what a plugin's own tests begin with.
    ///
    /// ```
    /// # use tribunal_sdk::{Interaction, Usage};
    /// let mut interaction = Interaction::example("Who are you?", "A model.");
    /// interaction.call.model = "gpt-4.1-mini".to_owned();
    /// assert_eq!(interaction.answer(), "A model.");
    /// ```
    pub fn example(question: &str, answer: &str) -> Self {
        let call = Call {
            id: "example".to_owned(),
            project: "default".to_owned(),
            operation: "chat".to_owned(),
            provider: "example".to_owned(),
            model: "example".to_owned(),
            requested_model: None,
            started_at: 0,
            timing: Timing { duration: None, time_to_first_token: None },
            usage: None,
            parameters: Vec::new(),
            finish_reasons: Vec::new(),
            error: None,
            attributes: Vec::new(),
        };
        Self {
            call,
            input: vec![Message::text("user", question)],
            output: vec![Message::text("assistant", answer)],
            context: Vec::new(),
            reference: None,
            prompt: None,
            session: None,
            user: None,
        }
    }

    /// The texts that the model was given, oldest first; no reasoning, no tool calls.
    ///
    /// ```
    /// # use tribunal_sdk::Interaction;
    /// let interaction = Interaction::example("Who are you?", "A model.");
    /// assert!(interaction.input_texts().any(|text| text.ends_with('?')));
    /// ```
    pub fn input_texts(&self) -> impl Iterator<Item = Text<'_>> {
        texts(TextSource::Input, &self.input)
    }

    /// The texts that the model answered; no reasoning, no tool calls.
    ///
    /// ```
    /// # use tribunal_sdk::Interaction;
    /// let interaction = Interaction::example("Who are you?", "A model.");
    /// let words: usize = interaction.output_texts().map(|text| text.split_whitespace().count()).sum();
    /// assert_eq!(words, 2);
    /// ```
    pub fn output_texts(&self) -> impl Iterator<Item = Text<'_>> {
        texts(TextSource::Output, &self.output)
    }

    /// The whole answer as one text, its parts joined by line feeds. Borrowed where there is one part.
    ///
    /// ```
    /// # use tribunal_sdk::{Interaction, Message};
    /// let mut interaction = Interaction::example("Who are you?", "A model.");
    /// interaction.output.push(Message::text("assistant", "A large one."));
    /// assert_eq!(interaction.answer(), "A model.\nA large one.");
    /// ```
    pub fn answer(&self) -> Cow<'_, str> {
        let mut texts = self.output_texts();
        let Some(first) = texts.next() else {
            return Cow::Borrowed("");
        };
        let mut answer = Cow::Borrowed(first.as_str());
        for text in texts {
            let answer = answer.to_mut();
            answer.push('\n');
            answer.push_str(&text);
        }
        answer
    }
}

fn texts(source: TextSource, messages: &[Message]) -> impl Iterator<Item = Text<'_>> {
    messages.iter().zip(0u32..).flat_map(move |(message, message_at)| {
        message.parts.iter().zip(0u32..).filter_map(move |(part, part_at)| match part {
            Part::Text(text) => Some(Text { text, role: &message.role, source, message: message_at, part: part_at }),
            _ => None,
        })
    })
}

/// The value of the attribute of that key.
///
/// ```
/// # use tribunal_sdk::{Attribute, AttributeValue, Interaction, attribute};
/// let mut interaction = Interaction::example("Who are you?", "A model.");
/// interaction.call.parameters.push(Attribute { key: "temperature".to_owned(), value: AttributeValue::Number(0.7) });
/// let temperature = attribute(&interaction.call.parameters, "temperature");
/// assert_eq!(temperature.and_then(AttributeValue::json), Some(0.7.into()));
/// ```
pub fn attribute<'a>(attributes: &'a [Attribute], key: &str) -> Option<&'a AttributeValue> {
    attributes.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value)
}

/// A parsed JSON value; [`AttributeValue::json`] makes it.
///
/// ```
/// # use tribunal_sdk::{AttributeValue, Json};
/// let format: Json = AttributeValue::Json("{\"type\": \"json_object\"}".to_owned()).json().unwrap();
/// assert_eq!(format["type"], "json_object");
/// ```
pub type Json = serde_json::Value;

impl AttributeValue {
    /// The value as JSON, whatever its case. None where a `json` text does not parse.
    ///
    /// ```
    /// # use tribunal_sdk::AttributeValue;
    /// assert_eq!(AttributeValue::Integer(3).json(), Some(3.into()));
    /// assert_eq!(AttributeValue::Json("{".to_owned()).json(), None);
    /// ```
    pub fn json(&self) -> Option<Json> {
        match self {
            Self::Text(text) => Some(Json::from(text.as_str())),
            Self::Integer(integer) => Some(Json::from(*integer)),
            Self::Number(number) => Some(Json::from(*number)),
            Self::Boolean(boolean) => Some(Json::from(*boolean)),
            Self::Json(text) => serde_json::from_str(text).ok(),
        }
    }

    /// The text of a text value.
    ///
    /// ```
    /// # use tribunal_sdk::AttributeValue;
    /// assert_eq!(AttributeValue::Text("de".to_owned()).as_text(), Some("de"));
    /// assert_eq!(AttributeValue::Boolean(true).as_text(), None);
    /// ```
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}
