//! Rows of a table, and the gradient of the table.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::{Flex, FlexTensor};
use burn::backend::ops::ModuleOps;
use burn::tensor::DType;

use super::backend::Tracked;
use super::flex::{in_order, tensor, values};

/// What the gradient needs.
#[derive(Debug, Clone)]
struct State {
    /// Rows of the table, one for each row of the output.
    rows: Vec<usize>,
    /// Shape of the table.
    shape: [usize; 2],
}

#[derive(Debug)]
struct Embedding;

impl Backward<Flex, 1> for Embedding {
    type State = State;

    fn backward(self, ops: Ops<State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [table] = ops.parents;
        let State { rows, shape } = ops.state;
        let gradient = in_order(grads.consume::<Flex>(&ops.node));
        if let Some(node) = table {
            let width = shape[1];
            // Most rows stay zeros: memory that the system gives out as such, and which is not touched before somebody reads it.
            let mut sums = vec![0.0; shape[0] * width];
            for (row, gradient) in rows.into_iter().zip(values(&gradient).chunks_exact(width.max(1))) {
                let sums = &mut sums[row * width..(row + 1) * width];
                sums.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
            }
            grads.register::<Flex>(node.id, tensor(sums, shape));
        }
    }
}

/// Numbers of rows in order; `None` where they are of a type that they usually are not.
fn numbers(ids: &FlexTensor) -> Option<Vec<usize>> {
    let ids = in_order(ids.clone());
    let all = ids.layout().start_offset()..ids.layout().start_offset() + ids.layout().num_elements();
    // The forward pass has refused what is no row.
    match ids.dtype() {
        DType::I64 => Some(ids.storage::<i64>()[all].iter().map(|&id| id as usize).collect()),
        DType::I32 => Some(ids.storage::<i32>()[all].iter().map(|&id| id as usize).collect()),
        _ => None,
    }
}

pub(super) fn tracked<C: CheckpointStrategy>(table: Tracked, ids: FlexTensor) -> Tracked {
    let Some(rows) = numbers(&ids) else { return Autodiff::<Flex, C>::embedding(table, ids) };
    let (table, node) = table.into_parts();
    let shape = [table.layout().shape()[0], table.layout().shape()[1]];
    let y = Flex::embedding(table, ids);
    match Embedding.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::UnTracked(prep) => prep.finish(y),
        OpsKind::Tracked(prep) => prep.finish(State { rows, shape }, y),
    }
}
