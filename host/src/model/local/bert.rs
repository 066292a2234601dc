//! The encoder of BERT (Devlin et al., 2018), of weights that may be hostile. Knows nothing of texts, only of tokens.

use std::f32::consts::FRAC_1_SQRT_2;
use std::num::NonZeroUsize;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, concatenate, s};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

/// The most numbers of a token. BERT-large has 1024.
const WIDEST: usize = 4096;

/// What `config.json` says that changes the result.
#[derive(Deserialize)]
pub(super) struct Config {
    hidden_size: NonZeroUsize,
    num_hidden_layers: NonZeroUsize,
    num_attention_heads: NonZeroUsize,
    intermediate_size: NonZeroUsize,
    pub(super) max_position_embeddings: usize,
    type_vocab_size: usize,
    pub(super) vocab_size: usize,
    hidden_act: String,
    layer_norm_eps: f32,
    #[serde(default)]
    position_embedding_type: Option<String>,
}

impl Config {
    /// What of it is computed in another way than here, or would take too much memory.
    pub(super) fn check(&self) -> Result<(), String> {
        let (size, inner, heads) = (self.hidden_size.get(), self.intermediate_size.get(), self.num_attention_heads);
        let positions = self.position_embedding_type.as_deref().unwrap_or("absolute");
        if self.hidden_act != "gelu" {
            return Err(format!("has \"hidden_act\": {:?}", self.hidden_act));
        }
        if positions != "absolute" {
            return Err(format!("has \"position_embedding_type\": {positions:?}"));
        }
        if size % heads != 0 || size > WIDEST || inner > 4 * WIDEST {
            return Err(format!("has {heads} heads on {size} numbers, and {inner} between"));
        }
        Ok(())
    }
}

/// The weights by name.
struct Weights<'a>(&'a SafeTensors<'a>);

impl Weights<'_> {
    fn read(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let tensor = self.0.tensor(name).map_err(|_| format!("it has no tensor {name:?}"))?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
            let (dtype, is) = (tensor.dtype(), tensor.shape());
            return Err(format!("its tensor {name:?} is of {dtype:?} and {is:?}, not of F32 and {shape:?}"));
        }
        let (numbers, _) = tensor.data().as_chunks();
        Ok(numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
    }

    fn vector(&self, name: &str, length: usize) -> Result<Array1<f32>, String> {
        self.read(name, &[length]).map(Array1::from_vec)
    }

    fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Array2<f32>, String> {
        Array2::from_shape_vec((rows, columns), self.read(name, &[rows, columns])?).map_err(|error| error.to_string())
    }

    fn linear(&self, name: &str, from: usize, to: usize) -> Result<Linear, String> {
        let weight = self.matrix(&format!("{name}.weight"), to, from)?;
        let bias = self.vector(&format!("{name}.bias"), to)?;
        Ok(Linear { weight: weight.t().as_standard_layout().into_owned(), bias })
    }

    fn norm(&self, name: &str, config: &Config) -> Result<Norm, String> {
        let size = config.hidden_size.get();
        let (weight, bias) =
            (self.vector(&format!("{name}.weight"), size)?, self.vector(&format!("{name}.bias"), size)?);
        Ok(Norm { weight, bias, epsilon: config.layer_norm_eps })
    }
}

/// What turns tokens into a vector.
pub(super) struct Bert {
    words: Array2<f32>,
    /// Where a token stands, and that it is of the first sentence.
    positions: Array2<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

impl Bert {
    pub(super) fn new(config: &Config, weights: &SafeTensors<'_>) -> Result<Self, String> {
        let (weights, size) = (&Weights(weights), config.hidden_size.get());
        let table = |kind, rows| weights.matrix(&format!("embeddings.{kind}_embeddings.weight"), rows, size);
        let types = table("token_type", config.type_vocab_size)?;
        let first = types.rows().into_iter().next().ok_or("\"type_vocab_size\" is 0")?;
        Ok(Self {
            words: table("word", config.vocab_size)?,
            positions: table("position", config.max_position_embeddings)? + first,
            norm: weights.norm("embeddings.LayerNorm", config)?,
            layers: (0..config.num_hidden_layers.get())
                .map(|index| Layer::new(config, weights, &format!("encoder.layer.{index}")))
                .collect::<Result<_, _>>()?,
        })
    }

    /// For the tokens of each text the mean of their vectors, scaled to length 1, or nothing if `ended` says so. The
    /// texts lie one under the other without gaps, and a row of a product is summed in the same order whatever is
    /// beside it.
    pub(super) fn embed(&self, texts: &[Vec<usize>], ended: &dyn Fn() -> bool) -> Option<Vec<Vec<f32>>> {
        let lengths: Vec<_> = texts.iter().map(Vec::len).collect();
        let mut hidden = self.words.select(Axis(0), &texts.concat());
        let places = lengths.iter().flat_map(|&length| 0..length);
        hidden.rows_mut().into_iter().zip(places).for_each(|(mut row, place)| row += &self.positions.row(place));
        self.norm.apply(&mut hidden);
        for layer in &self.layers {
            if ended() {
                return None;
            }
            hidden = layer.apply(hidden, &lengths);
        }
        let mut start = 0;
        let mean = |&length: &usize| {
            let sum = hidden.slice(s![start..start + length, ..]).sum_axis(Axis(0));
            start += length;
            let norm = sum.dot(&sum).sqrt().max(f32::MIN_POSITIVE);
            (sum / norm).to_vec()
        };
        Some(lengths.iter().map(mean).collect())
    }
}

struct Layer {
    heads: usize,
    /// Queries, keys and values, beside each other.
    inputs: Linear,
    output: Linear,
    attention_norm: Norm,
    up: Linear,
    down: Linear,
    norm: Norm,
}

impl Layer {
    fn new(config: &Config, weights: &Weights<'_>, name: &str) -> Result<Self, String> {
        let (size, inner) = (config.hidden_size.get(), config.intermediate_size.get());
        let part = |part| weights.linear(&format!("{name}.attention.self.{part}"), size, size);
        let parts = [part("query")?, part("key")?, part("value")?];
        let join = |error: ndarray::ShapeError| error.to_string();
        let weight = concatenate(Axis(1), &parts.each_ref().map(|part| part.weight.view())).map_err(join)?;
        let bias = concatenate(Axis(0), &parts.each_ref().map(|part| part.bias.view())).map_err(join)?;
        Ok(Self {
            heads: config.num_attention_heads.get(),
            inputs: Linear { weight, bias },
            output: weights.linear(&format!("{name}.attention.output.dense"), size, size)?,
            attention_norm: weights.norm(&format!("{name}.attention.output.LayerNorm"), config)?,
            up: weights.linear(&format!("{name}.intermediate.dense"), size, inner)?,
            down: weights.linear(&format!("{name}.output.dense"), inner, size)?,
            norm: weights.norm(&format!("{name}.output.LayerNorm"), config)?,
        })
    }

    fn apply(&self, hidden: Array2<f32>, lengths: &[usize]) -> Array2<f32> {
        let inputs = self.inputs.apply(&hidden);
        let mut mixed = Array2::zeros(hidden.raw_dim());
        let mut start = 0;
        for length in lengths {
            let rows = start..start + length;
            start = rows.end;
            self.attend(inputs.slice(s![rows.clone(), ..]), mixed.slice_mut(s![rows, ..]));
        }
        let mut hidden = hidden + self.output.apply(&mixed);
        self.attention_norm.apply(&mut hidden);
        let mut inner = self.up.apply(&hidden);
        inner.iter_mut().for_each(|number| *number = gelu(*number));
        let mut hidden = hidden + self.down.apply(&inner);
        self.norm.apply(&mut hidden);
        hidden
    }

    /// What each token of one text takes from the others.
    fn attend(&self, inputs: ArrayView2<'_, f32>, mut mixed: ArrayViewMut2<'_, f32>) {
        let size = mixed.ncols() / self.heads;
        let scale = (size as f32).sqrt().recip();
        let mut scores = Array2::zeros((mixed.nrows(), mixed.nrows()));
        for head in 0..self.heads {
            let part = |kind: usize| {
                let start = (kind * self.heads + head) * size;
                inputs.slice(s![.., start..start + size])
            };
            general_mat_mul(scale, &part(0), &part(1).t(), 0.0, &mut scores);
            for mut row in scores.rows_mut() {
                let highest = row.fold(f32::NEG_INFINITY, |highest, &score| score.max(highest));
                row.mapv_inplace(|score| (score - highest).exp());
                let sum = row.sum();
                row /= sum;
            }
            general_mat_mul(1.0, &scores, &part(2), 0.0, &mut mixed.slice_mut(s![.., head * size..(head + 1) * size]));
        }
    }
}

/// A product, and a vector added to each row.
struct Linear {
    weight: Array2<f32>,
    bias: Array1<f32>,
}

impl Linear {
    fn apply(&self, rows: &Array2<f32>) -> Array2<f32> {
        rows.dot(&self.weight) + &self.bias
    }
}

/// Rows moved and scaled so that their mean is 0 and their variance 1, then to where the model wants them.
struct Norm {
    weight: Array1<f32>,
    bias: Array1<f32>,
    epsilon: f32,
}

impl Norm {
    fn apply(&self, rows: &mut Array2<f32>) {
        let size = rows.ncols() as f32;
        for mut row in rows.rows_mut() {
            row -= row.sum() / size;
            row /= (row.dot(&row) / size + self.epsilon).sqrt();
            row *= &self.weight;
            row += &self.bias;
        }
    }
}

/// The Gaussian error linear unit.
fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2))
}

/// The error function, to 1e-6: a quotient of polynomials that Eigen and XLA have too (`ErfImpl32` in XLA's `math.cc`).
/// Unlike a call it is computed for several numbers at once.
fn erf(x: f32) -> f32 {
    const ODD: [f32; 7] = [
        -2.726_142_4e-10,
        2.770_681_5e-8,
        -2.101_024e-6,
        -5.692_506_2e-5,
        -7.349_906_4e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    const EVEN: [f32; 5] = [-1.456_607_15e-5, -2.133_740_5e-4, -1.682_827e-3, -7.373_329_3e-3, -1.426_473_9e-2];
    let x = x.clamp(-4.0, 4.0);
    let square = x * x;
    let at = |terms: &[f32]| terms.iter().fold(0.0, |sum, term| sum * square + term);
    x * at(&ODD) / at(&EVEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erf_is_near_enough() {
        // From tables, to seven digits.
        let known = [(0.0, 0.0), (0.1, 0.112_463), (0.5, 0.520_5), (1.0, 0.842_700_8), (1.5, 0.966_105_1)];
        for (x, value) in known.into_iter().chain([(2.0, 0.995_322_3), (3.0, 0.999_977_9), (9.0, 1.0)]) {
            assert!((erf(x) - value).abs() < 1e-6 && (erf(-x) + value).abs() < 1e-6, "erf({x}) is {}", erf(x));
        }
    }
}
