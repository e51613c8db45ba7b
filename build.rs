//! Lets cargo see when the built client changes: the server embeds `client/dist`, and new files in it would go unnoticed.

fn main() {
    // A folder that does not exist would make every build a full one, so it is made; the server says when it is empty.
    if let Err(error) = std::fs::create_dir_all("client/dist") {
        println!("cargo:warning=client/dist cannot be made: {error}");
    }
    println!("cargo:rerun-if-changed=client/dist");
    println!("cargo:rerun-if-changed=build.rs");
}
