//! Tables of what each reader takes and refuses.
