//! Rewrites as people read them.
