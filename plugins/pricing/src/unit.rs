//! What can be counted: units as sets of traits. Knows nothing of prices or models.
//!
//! The units nest as those of genai-prices do: a token of audio that was read from a cache is a token read from a
//! cache, a token of audio, and a token of input. Whatever is counted is paid for at the price of the most special
//! unit that it belongs to and that the list has a price for.

/// A unit, as the set of its traits. The fewer traits, the more it spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit(pub u8);

impl Unit {
    /// Tokens of the prompt, whatever their kind.
    pub const INPUT: Self = Self(1);
    /// Tokens of the answer, whatever their kind.
    pub const OUTPUT: Self = Self(2);
    /// Calls, of which every call is one.
    pub const REQUESTS: Self = Self(4);
    /// Tokens of the prompt that were read from a cache.
    pub const CACHE_READ: Self = Self(1 | 8);
    /// Tokens of the prompt that were written to a cache.
    pub const CACHE_WRITE: Self = Self(1 | 16);
    /// Tokens of audio in the prompt.
    pub const INPUT_AUDIO: Self = Self(1 | 32);
    /// Tokens of audio in the prompt that were read from a cache.
    pub const CACHE_AUDIO_READ: Self = Self(1 | 8 | 32);
    /// Tokens of audio in the prompt that were written to a cache.
    pub const CACHE_AUDIO_WRITE: Self = Self(1 | 16 | 32);
    /// Tokens of audio in the answer.
    pub const OUTPUT_AUDIO: Self = Self(2 | 32);

    /// Whether whatever is counted as `other` belongs to this unit too.
    pub const fn spans(self, other: Self) -> bool {
        self.0 & other.0 == self.0
    }

    /// How many traits it has.
    pub const fn traits(self) -> u32 {
        self.0.count_ones()
    }

    /// The unit of a count in `usage.other`, by genai-prices' names. Where the list can have no price for a
    /// modality or kind of its own, the unit is the one that such tokens fall under. None for counts that aren't
    /// tokens: there are no prices for them in the list.
    pub fn of_other(name: &str) -> Option<Self> {
        Some(match name {
            "input_text_tokens"
            | "input_image_tokens"
            | "input_video_tokens"
            | "input_tool_tokens"
            | "input_text_tool_tokens"
            | "input_image_tool_tokens"
            | "input_video_tool_tokens" => Self::INPUT,
            "input_audio_tokens" | "input_audio_tool_tokens" => Self::INPUT_AUDIO,
            "cache_text_read_tokens" | "cache_image_read_tokens" | "cache_video_read_tokens" => Self::CACHE_READ,
            "cache_audio_read_tokens" => Self::CACHE_AUDIO_READ,
            "cache_write_5m_tokens"
            | "cache_write_1h_tokens"
            | "cache_text_write_tokens"
            | "cache_text_write_5m_tokens"
            | "cache_text_write_1h_tokens"
            | "cache_image_write_tokens"
            | "cache_image_write_5m_tokens"
            | "cache_image_write_1h_tokens"
            | "cache_video_write_tokens"
            | "cache_video_write_5m_tokens"
            | "cache_video_write_1h_tokens" => Self::CACHE_WRITE,
            "cache_audio_write_tokens" | "cache_audio_write_5m_tokens" | "cache_audio_write_1h_tokens" => {
                Self::CACHE_AUDIO_WRITE
            }
            "output_text_tokens"
            | "output_image_tokens"
            | "output_video_tokens"
            | "output_reasoning_tokens"
            | "output_text_reasoning_tokens"
            | "output_image_reasoning_tokens"
            | "output_video_reasoning_tokens"
            | "output_citation_tokens"
            | "output_text_citation_tokens"
            | "output_image_citation_tokens"
            | "output_video_citation_tokens" => Self::OUTPUT,
            "output_audio_tokens" | "output_audio_reasoning_tokens" | "output_audio_citation_tokens" => {
                Self::OUTPUT_AUDIO
            }
            _ => return None,
        })
    }
}
