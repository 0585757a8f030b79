//! The migrations are part of the program, so a changed one must build it anew.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
