//! Attention and its gradients.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::{Flex, FlexTensor};
use medkernels::attention::{Heads, Mask, attention, attention_backward};

use super::backend::Tracked;
use super::buffer::Buffer;
use super::flex::in_order;

/// A tensor of four axes whose last one lies in order; copied where it does not.
fn with_rows(x: &FlexTensor) -> FlexTensor {
    let strides = x.layout().strides();
    let width = x.layout().shape()[3];
    if (strides[3] == 1 || width == 1) && strides.iter().all(|&s| s >= 0) {
        x.clone()
    } else {
        in_order(x.clone())
    }
}

fn heads(x: &FlexTensor) -> Heads<'_> {
    let (shape, strides) = (x.layout().shape(), x.layout().strides());
    let shape = [shape[0], shape[1], shape[2], shape[3]];
    Heads::new(
        &x.storage::<f32>()[x.layout().start_offset()..],
        shape,
        [strides[0].unsigned_abs(), strides[1].unsigned_abs(), strides[2].unsigned_abs()],
    )
}

/// A mask of scores of this shape. An axis of length 1 stands for all of it.
fn mask_view(x: &FlexTensor, scores: [usize; 4]) -> Mask<'_> {
    let (shape, strides) = (x.layout().shape(), x.layout().strides());
    for (axis, &n) in scores.iter().enumerate() {
        assert!(shape[axis] == n || shape[axis] == 1, "a mask {shape:?} of scores {scores:?}");
    }
    Mask::new(
        &x.storage::<u8>()[x.layout().start_offset()..],
        scores,
        std::array::from_fn(|axis| if shape[axis] == 1 { 0 } else { strides[axis].unsigned_abs() }),
    )
}

fn scores(query: &FlexTensor, key: &FlexTensor) -> [usize; 4] {
    let ([batch, count, queries, _], [_, _, keys, _]) = (heads(query).shape(), heads(key).shape());
    [batch, count, queries, keys]
}

/// A mask that can be read as it lies.
fn readable(mask: &FlexTensor) -> FlexTensor {
    if mask.layout().strides().iter().all(|&s| s >= 0) { mask.clone() } else { in_order(mask.clone()) }
}

fn scale(query: &FlexTensor) -> f32 {
    1.0 / (query.layout().shape()[3] as f32).sqrt()
}

/// A tensor `[batch, heads, tokens, width]` whose values lie as `[batch, tokens, heads, width]`.
fn split(values: Buffer, [batch, heads, tokens, width]: [usize; 4]) -> FlexTensor {
    values.into_tensor([batch, tokens, heads, width]).transpose(1, 2)
}

pub(super) fn forward(
    query: &FlexTensor,
    key: &FlexTensor,
    value: &FlexTensor,
    mask: Option<&FlexTensor>,
) -> FlexTensor {
    let [query, key, value] = [query, key, value].map(with_rows);
    let mask = mask.map(readable);
    let ([batch, count, queries, _], width) = (heads(&query).shape(), value.layout().shape()[3]);
    let mut output = Buffer::new(batch * queries * count * width);
    let mask = mask.as_ref().map(|mask| mask_view(mask, scores(&query, &key)));
    attention(heads(&query), heads(&key), heads(&value), mask, scale(&query), output.values());
    split(output, [batch, count, queries, width])
}

#[derive(Debug)]
struct Attention;

/// Query, key, value and mask.
type State = ([FlexTensor; 3], Option<FlexTensor>);

impl Backward<Flex, 3> for Attention {
    type State = State;

    fn backward(self, ops: Ops<State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = with_rows(&grads.consume::<Flex>(&ops.node));
        let ([query, key, value], mask) = ops.state;
        let mask = mask.as_ref().map(readable);
        let [query, key, value] = [query, key, value].map(|x| with_rows(&x));
        let mut to = [&query, &key, &value].map(|x| Buffer::new(x.layout().num_elements()));
        let [to_query, to_key, to_value] = to.each_mut().map(Buffer::values);
        attention_backward(
            heads(&query),
            heads(&key),
            heads(&value),
            mask.as_ref().map(|mask| mask_view(mask, scores(&query, &key))),
            scale(&query),
            heads(&gradient),
            [to_query, to_key, to_value],
        );
        for ((node, values), x) in ops.parents.into_iter().zip(to).zip([&query, &key, &value]) {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, split(values, heads(x).shape()));
            }
        }
    }
}

pub(super) fn tracked<C: CheckpointStrategy>(
    query: Tracked,
    key: Tracked,
    value: Tracked,
    mask: Option<FlexTensor>,
) -> Tracked {
    let [(query, q_node), (key, k_node), (value, v_node)] = [query, key, value].map(Tracked::into_parts);
    let output = forward(&query, &key, &value, mask.as_ref());
    match Attention.prepare::<C>([q_node, k_node, v_node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(([query, key, value], mask), output),
        OpsKind::UnTracked(prep) => prep.finish(output),
    }
}
