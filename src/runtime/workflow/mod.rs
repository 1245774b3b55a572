/// A checked graph.
#[derive(Clone, Debug)]
pub struct Workflow;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    Agent,
    Action,
    Handoff,
}

impl Workflow {
    /// The graph as Mermaid text (`flowchart TD`).
    pub fn mermaid(&self) -> String {
        String::new()
    }
}
