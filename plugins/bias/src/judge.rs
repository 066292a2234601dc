//! Judges one text: how probably it is hateful, where most of all, and against whom. Knows nothing of interactions.

use std::ops::Range;

use crate::model::{self, CONTEXTS, DIMENSIONS, Kind, Model, SEXISM, tag};
use crate::tokens::{Sink, Token, pair, walk};

/// What was found in one text.
#[derive(Debug, Clone)]
pub(crate) struct Judgement {
    /// That the text is hateful.
    pub(crate) probability: f64,
    /// That it threatens or calls for violence, given that it is hateful.
    pub(crate) threat: f64,
    /// Index into [`DIMENSIONS`].
    pub(crate) dimension: usize,
    /// The window that carried most of the score.
    pub(crate) range: Range<usize>,
    tags: u32,
}

impl Judgement {
    pub(crate) fn dimension(&self) -> &'static str {
        DIMENSIONS[self.dimension]
    }

    /// The contexts that the window holds.
    pub(crate) fn contexts(&self) -> impl Iterator<Item = &'static str> {
        (0..CONTEXTS.len())
            .filter(|context| self.tags >> (tag::FIRST_CONTEXT + context) & 1 == 1)
            .map(|at| CONTEXTS[at])
    }
}

/// None where the text has no word.
pub(crate) fn judge(model: &Model, text: &str) -> Option<Judgement> {
    let mut judge = Judge::new(model);
    walk(text, &mut judge);
    let best = judge.best?;
    let tokens = judge.tokens as f64;
    let highest = if best.about { best.score.max(model.floor) } else { model.floor };
    let dimension = named(&best.window.mentions).or_else(|| named(&judge.mentions)).unwrap_or(DIMENSIONS.len() - 1);
    Some(Judgement {
        probability: model.probability(judge.sum / tokens, highest, judge.tokens_about as f64 / tokens),
        threat: model.threat(best.window.tags),
        dimension,
        range: best.window.range,
        tags: best.window.tags,
    })
}

type Mentions = [u32; DIMENSIONS.len()];

/// The dimension mentioned most. Gender, the first one, yields to any other: `Muslim women` are met with religion.
fn named(mentions: &Mentions) -> Option<usize> {
    let (dimension, &most) = mentions.iter().enumerate().max_by_key(|(_, count)| **count)?;
    (most > 0).then_some(dimension)
}

#[derive(Debug, Clone, Default)]
struct Window {
    ngrams: i32,
    tokens: u32,
    tags: u32,
    last: Option<u32>,
    mentions: Mentions,
    range: Range<usize>,
}

struct Best {
    score: f64,
    about: bool,
    window: Window,
}

/// Takes the tokens of a text, window by window, and keeps sums and the best window only: its memory is constant.
struct Judge<'m> {
    model: &'m Model,
    window: Window,
    best: Option<Best>,
    /// Of the windows' scores, weighted by tokens.
    sum: f64,
    tokens: u64,
    tokens_about: u64,
    mentions: Mentions,
}

impl<'m> Judge<'m> {
    fn new(model: &'m Model) -> Self {
        Self {
            model,
            window: Window::default(),
            best: None,
            sum: 0.0,
            tokens: 0,
            tokens_about: 0,
            mentions: Mentions::default(),
        }
    }
}

impl Sink for Judge<'_> {
    #[inline]
    fn token(&mut self, token: &Token<'_>, range: Range<usize>) {
        let window = &mut self.window;
        let hash = token.hash();
        window.ngrams += model::weight(hash);
        if let Some(last) = window.last {
            window.ngrams += model::weight(pair(last, hash));
        } else {
            window.range.start = range.start;
        }
        window.last = Some(hash);
        window.tokens += 1;
        window.range.end = range.end;
        match token {
            Token::Word(word) => {
                window.ngrams += word.grams().map(model::weight).sum::<i32>();
                match word.kind {
                    Kind::Context(context) => {
                        window.tags |= 1 << (tag::FIRST_CONTEXT + context);
                        window.mentions[0] += u32::from(context == SEXISM);
                    }
                    Kind::Slur { dimension } => {
                        window.tags |= 1 << tag::SLUR;
                        window.mentions[dimension] += 2;
                    }
                    _ => {}
                }
            }
            Token::Mention { many, dimensions } => {
                window.tags |= 1 << if *many { tag::GROUPS } else { tag::GROUP };
                for (dimension, count) in window.mentions.iter_mut().enumerate() {
                    *count += u32::from(dimensions >> dimension & 1) * (1 + u32::from(*many));
                }
            }
        }
    }

    fn tokens(&self) -> u32 {
        self.window.tokens
    }

    fn cut(&mut self) {
        let window = std::mem::take(&mut self.window);
        let score = self.model.window(window.ngrams, window.tokens, window.tags);
        let about = window.tags & tag::ABOUT != 0;
        self.sum += score * f64::from(window.tokens);
        self.tokens += u64::from(window.tokens);
        self.tokens_about += if about { u64::from(window.tokens) } else { 0 };
        for (all, here) in self.mentions.iter_mut().zip(window.mentions) {
            *all += here;
        }
        // A window about somebody beats any that is about nobody.
        if self.best.as_ref().is_none_or(|best| (about, score) > (best.about, best.score)) {
            self.best = Some(Best { score, about, window });
        }
    }
}
