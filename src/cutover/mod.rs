//! What a switch to the target is made of: its gates, and the hooks that move what esferry does not know. The engine
//! takes the steps (`engine/cutover/`).

pub mod gates;
pub mod hooks;
