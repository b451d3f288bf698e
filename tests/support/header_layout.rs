//! The layout of `cnproc.h`: what cbindgen generates, in sections, in ASCII, and with C comments.
//!
//! Each module of `cnproc-ffi` is a section: its constants, its types, its functions. The first line of
//! its documentation is the title.

use std::fs;

/// The maximal length of a declaration on one line.
const WIDTH: usize = 90;

/// A module of `cnproc-ffi`, in the order of `lib.rs`.
struct Module {
    title: String,
    source: String,
}

fn modules() -> Vec<Module> {
    let sources = crate::root().join("cnproc-ffi/src");
    let lib = fs::read_to_string(sources.join("lib.rs")).unwrap();
    let names = lib.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    let modules = names.map(|name| {
        let source = fs::read_to_string(sources.join(format!("{name}.rs"))).unwrap();
        let title = source.lines().next().unwrap().trim_start_matches("//! ");
        Module { title: title.trim_end_matches('.').to_owned(), source }
    });
    modules.collect()
}

impl Module {
    /// Whether the module defines that item of the header.
    fn defines(&self, item: &str) -> bool {
        let is_code = |line: &&str| !line.trim_start().starts_with(['/', '*']);
        let code = item.lines().find(is_code).unwrap();
        let words: Vec<_> = code.split([' ', ';']).collect();
        let definition = match words.as_slice() {
            ["#define", name, ..] => format!("pub const {name}:"),
            [kind @ ("struct" | "union"), name, "{" | ""] => format!("pub {kind} {name} {{"),
            _ => {
                let function = code.split('(').next().unwrap().rsplit([' ', '*']).next();
                format!("fn {}(", function.unwrap())
            }
        };
        self.source.contains(&definition)
    }
}

/// Lays out a header that cbindgen generated.
pub fn lay_out(generated: &str) -> String {
    let generated = with_c_comments(&generated.replace('…', "...").replace('`', ""));
    let (prelude, rest) =
        split_behind(&generated, "CNPROC_VERSION_MINOR << 8 | CNPROC_VERSION_PATCH)\n");
    let (items, trailer) = rest.split_once("#ifdef __cplusplus").unwrap();
    let items: Vec<_> = items.split("\n\n").map(|item| item.trim_matches('\n')).collect();
    let mut left: Vec<_> = items.into_iter().filter(|item| !item.is_empty()).collect();
    let mut header = prelude.to_owned();
    for module in modules() {
        let (section, others): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|item| module.defines(item));
        left = others;
        if section.is_empty() {
            continue;
        }
        let rule = "-".repeat(WIDTH - "/* ---- ".len() - module.title.len() - " */".len() - 1);
        header += &format!("\n/* ---- {} {rule} */\n", module.title);
        let mut last = "";
        for item in section {
            let continues = family(item).is_some() && family(item) == family(last);
            header += &format!("{}{}\n", if continues { "" } else { "\n" }, hexadecimal(item));
            last = item;
        }
    }
    assert!(left.is_empty(), "items of no module: {left:#?}");
    format!("{header}\n#ifdef __cplusplus{trailer}")
}

fn split_behind<'a>(text: &'a str, mark: &str) -> (&'a str, &'a str) {
    text.split_at(text.find(mark).unwrap() + mark.len())
}

/// The words that the constants of a family have in common. `None` if it is not a constant.
fn family(item: &str) -> Option<&str> {
    let name = item.lines().find_map(|line| line.strip_prefix("#define "))?;
    match name.strip_prefix("CNPROC_E") {
        Some(error) if !error.starts_with("VENT_") => Some("CNPROC_E"),
        _ => name.split('_').nth(1),
    }
}

/// Unsigned constants are bits, and are written in hexadecimal.
fn hexadecimal(item: &str) -> String {
    let decimal = item.rsplit_once(' ').filter(|_| family(item).is_some());
    match decimal.and_then(|(name, value)| Some((name, value.strip_suffix('u')?))) {
        Some((name, value)) => format!("{name} {:#x}u", value.parse::<u32>().unwrap()),
        None => item.to_owned(),
    }
}

/// Comments of C instead of documentation comments and `//`, and short declarations on one line.
fn with_c_comments(generated: &str) -> String {
    let mut lines = generated.lines();
    let mut text = String::new();
    while let Some(line) = lines.next() {
        let line = line.split("  // ").next().unwrap();
        if let Some(indent) = line.strip_suffix("/**") {
            let first = lines.next().unwrap().trim_start();
            let mut rest = lines.clone();
            if rest.next().is_some_and(|next| next.trim() == "*/") {
                lines = rest;
                text += &format!("{indent}/{first} */\n");
            } else {
                text += &format!("{indent}/*\n{indent} {first}\n");
            }
        } else if line.ends_with(',') && !line.starts_with([' ', '#']) {
            let mut declaration = vec![line];
            while declaration.last().is_some_and(|line| line.ends_with(',')) {
                declaration.push(lines.next().unwrap());
            }
            let parts: Vec<_> = declaration.iter().map(|line| line.trim()).collect();
            let one = parts.join(" ");
            text += &if one.len() <= WIDTH { one } else { declaration.join("\n") };
            text += "\n";
        } else if !(line.is_empty() && text.ends_with("\n\n")) {
            text += &format!("{line}\n");
        }
    }
    text
}
