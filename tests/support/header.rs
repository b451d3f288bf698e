//! The C header, as far as tests compare it with something.

use crate::root;

/// A function as the header declares it.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its declaration without the semicolon, in one line.
    pub prototype: String,
    /// What the comment before it says.
    pub comment: String,
}

/// `include/cnproc.h`
pub fn header() -> String {
    std::fs::read_to_string(root().join("include/cnproc.h")).unwrap()
}

/// The functions that the header declares, in its order.
pub fn functions() -> Vec<Function> {
    let header = header();
    let declarations = header.split("extern \"C\" {").nth(1).unwrap();
    let functions = declarations.split(");\n").filter_map(|part| {
        let (comment, declaration) = part.rsplit_once("*/")?;
        let prototype = words(&format!("{declaration})"));
        let name = prototype.split('(').next()?.rsplit([' ', '*']).next()?.to_owned();
        Some(Function { name, prototype, comment: comment.rsplit("/*").next()?.to_owned() })
    });
    functions.filter(|function| function.name.starts_with("cnproc_")).collect()
}

/// C, with one blank wherever there is space, and none where it means nothing.
pub fn words(c: &str) -> String {
    let one = c.split_whitespace().collect::<Vec<_>>().join(" ");
    one.replace("* ", "*").replace("( ", "(").replace(" )", ")")
}
