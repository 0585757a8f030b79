//! Who is asking: the parameter by which a handler says that it is only for those who are signed in.

/// The user who is signed in. As a parameter it must stand before those that read the path, the
/// query and the body, so that strangers learn nothing about these.
#[derive(Debug, Clone, Copy)]
pub struct AuthUser {
    /// Primary key. The user may have been deleted since they signed in.
    pub id: i64,
}

// TODO(auth_user): make this an extractor: the user whose token is in the header `Authorization`, or
// else 401.
