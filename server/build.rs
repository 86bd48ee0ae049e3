//! Tells cargo that a program with the site inside is another one when the site is.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_EMBEDDED_SITE").is_some() {
        println!("cargo:rerun-if-changed=../target/site");
    }
}
