use std::fs;
use std::path::Path;

/// Runs a property on every input that is kept for its target.
pub fn replay(target: &str, property: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let files = fs::read_dir(&corpus).expect("the inputs come with the source");
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty(), "{} is empty", corpus.display());
    files.sort();
    for file in files {
        // A test that fails shows what it printed: the last line names the input.
        println!("{}", file.display());
        property(&fs::read(&file).unwrap());
    }
}
