//! The manual pages are right: in form, and in agreement with the header.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use support::header::{functions, header, words};
use support::{cc, exports, require, root, run};

struct Page {
    path: PathBuf,
    text: String,
}

fn pages() -> Vec<Page> {
    let dir = fs::read_dir(root().join("cnproc-ffi/man")).unwrap();
    dir.map(|entry| entry.unwrap().path())
        .map(|path| Page { text: fs::read_to_string(&path).unwrap(), path })
        .collect()
}

impl Page {
    /// A section's lines.
    fn section(&self, name: &str) -> impl Iterator<Item = &str> {
        let heading = format!(".Sh {name}");
        let lines = self.text.lines().skip_while(move |line| *line != heading).skip(1);
        lines.take_while(|line| !line.starts_with(".Sh "))
    }

    /// Its name and section, as other pages refer to it.
    fn reference(&self) -> String {
        self.path.file_name().unwrap().to_str().unwrap().replace('.', " ")
    }

    /// The functions that its NAME section lists.
    fn functions(&self) -> Vec<&str> {
        let names = self.section("NAME").filter_map(|line| line.strip_prefix(".Nm "));
        let names = names.map(|line| line.trim_end_matches(" ,"));
        names.filter(|name| name.starts_with("cnproc_")).collect()
    }

    /// The prototypes of its SYNOPSIS, by name.
    fn prototypes(&self) -> BTreeMap<&str, String> {
        let mut kind = "";
        let mut found = BTreeMap::new();
        for line in self.section("SYNOPSIS") {
            if let Some(returns) = line.strip_prefix(".Ft ") {
                kind = returns;
            } else if let Some(function) = line.strip_prefix(".Fn ") {
                let (name, arguments) = function.split_once(' ').unwrap();
                let arguments = arguments.replace("\" \"", ", ").replace('"', "");
                found.insert(name, words(&format!("{kind} {name}({arguments})")));
            }
        }
        found
    }

    /// The literal displays of a section.
    fn displays(&self, section: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut lines = self.section(section);
        while lines.any(|line| line.starts_with(".Bd -literal")) {
            let display: Vec<_> = lines.by_ref().take_while(|line| *line != ".Ed").collect();
            found.push(display.join("\n").replace("\\e", "\\"));
        }
        found
    }

    /// The error numbers of its ERRORS section.
    fn errors(&self) -> BTreeSet<&str> {
        let er = self.section("ERRORS").filter_map(|line| line.split_once("Er "));
        er.flat_map(|(_, names)| names.split([' ', ',', '.']))
            .filter(|name| is_error(name))
            .collect()
    }
}

/// Whether it is the name of an errno, or of one of the library's own errors.
fn is_error(name: &str) -> bool {
    name.starts_with("CNPROC_E") || name.starts_with('E') && name.len() > 2
}

/// C without its comments.
fn without_comments(c: &str) -> String {
    let mut rest = c;
    let mut code = String::new();
    while let Some((before, comment)) = rest.split_once("/*") {
        code.push_str(before);
        rest = comment.split_once("*/").unwrap().1;
    }
    code + rest
}

#[test]
fn mandoc_finds_nothing_to_say() {
    if !require::program("mandoc") {
        return;
    }
    let mut command = Command::new("mandoc");
    command.args(["-T", "lint", "-W", "style"]).args(pages().iter().map(|page| &page.path));
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    // Which other pages there are depends on the machine, and how long a line may be on the project.
    let idle = ["referenced manual not found", "input text line longer than"];
    let said: Vec<_> =
        said.lines().filter(|line| !idle.iter().any(|idle| line.contains(idle))).collect();
    assert!(said.is_empty(), "{said:#?}");
}

#[test]
fn every_function_has_a_page_with_its_prototype_of_the_header() {
    let pages = pages();
    let mut documented: Vec<_> = pages.iter().flat_map(Page::functions).collect();
    documented.sort_unstable();
    assert_eq!(documented, exports());
    let in_header: BTreeMap<_, _> =
        functions().into_iter().map(|function| (function.name, function.prototype)).collect();
    assert_eq!(in_header.keys().collect::<Vec<_>>(), exports().iter().collect::<Vec<_>>());
    for page in pages {
        let prototypes = page.prototypes();
        assert_eq!(page.functions(), {
            let mut names: Vec<_> = prototypes.keys().copied().collect();
            names.sort_unstable_by_key(|name| page.text.find(&format!(".Nm {name}")));
            names
        });
        for (name, prototype) in prototypes {
            assert_eq!(prototype, in_header[name], "{}", page.path.display());
        }
    }
}

#[test]
fn a_page_has_the_errors_that_the_header_gives_for_its_functions() {
    let comments: BTreeMap<_, _> =
        functions().into_iter().map(|function| (function.name, function.comment)).collect();
    for page in pages() {
        let comments: String = page.functions().iter().map(|name| &*comments[*name]).collect();
        let codes = comments.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'));
        let codes: BTreeSet<_> =
            codes.filter_map(|word| word.strip_prefix('-')).filter(|code| is_error(code)).collect();
        assert_eq!(page.errors(), codes, "{}", page.path.display());
    }
}

const ERRNOS: &[(&str, i32)] = &[
    ("EPERM", libc::EPERM),
    ("ESRCH", libc::ESRCH),
    ("EINTR", libc::EINTR),
    ("E2BIG", libc::E2BIG),
    ("EAGAIN", libc::EAGAIN),
    ("ENOMEM", libc::ENOMEM),
    ("EACCES", libc::EACCES),
    ("EINVAL", libc::EINVAL),
    ("ENFILE", libc::ENFILE),
    ("EMFILE", libc::EMFILE),
    ("ENAMETOOLONG", libc::ENAMETOOLONG),
    ("ENOSYS", libc::ENOSYS),
    ("EBADMSG", libc::EBADMSG),
    ("ENOBUFS", libc::ENOBUFS),
];

/// The library's own errors in the header: names and numbers.
fn own_errors(header: &str) -> Vec<(&str, i32)> {
    let macros = header.lines().filter_map(|line| line.strip_prefix("#define ")?.split_once(' '));
    let errors = macros
        .filter(|(name, _)| name.starts_with("CNPROC_E") && !name.starts_with("CNPROC_EVENT_"));
    errors.map(|(name, number)| (name, number.parse().unwrap())).collect()
}

/// The errors with a sentence of their own are those that the pages document.
#[test]
fn every_error_is_explained_and_everything_explained_is_an_error() {
    let (pages, header) = (pages(), header());
    let documented: BTreeSet<_> = pages.iter().flat_map(Page::errors).collect();
    let sentence = |number| {
        // SAFETY: it returns a constant string.
        unsafe { CStr::from_ptr(cnproc_ffi::cnproc_strerror(number)) }
    };
    let general = [sentence(libc::ENOTTY), sentence(i32::MAX)];
    let explained: BTreeSet<_> =
        (1..5000).filter(|number| !general.contains(&sentence(*number))).collect();
    let own = own_errors(&header);
    assert!(own.len() >= 14 && own.iter().all(|(_, number)| *number > 4000));
    let named = ERRNOS.iter().copied().chain(own);
    let numbers: BTreeSet<_> = named
        .inspect(|(name, _)| assert!(documented.contains(name), "{name} is not documented"))
        .map(|(_, number)| number)
        .collect();
    assert_eq!(documented.len(), numbers.len());
    // 4000 is a diagnosis that this version does not know.
    assert_eq!(explained, numbers.into_iter().chain([4000]).collect());
    let sentences: BTreeSet<_> = explained.iter().map(|number| sentence(*number)).collect();
    assert_eq!(sentences.len(), explained.len(), "each has its own");
}

#[test]
fn every_macro_is_documented() {
    let header = header();
    let text: String = pages().iter().map(|page| page.text.as_str()).collect();
    let named: BTreeSet<_> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let macros = header.lines().filter_map(|line| line.strip_prefix("#define "));
    let macros = macros.map(|line| line.split([' ', '(']).next().unwrap());
    let undocumented: Vec<_> =
        macros.filter(|name| *name != "CNPROC_H" && !named.contains(name)).collect();
    assert!(undocumented.is_empty(), "{undocumented:?}");
}

#[test]
fn structs_are_shown_as_they_are_in_the_header_and_each_member_is_documented() {
    let header = without_comments(&header());
    let mut shown = 0;
    for page in pages() {
        for display in page.displays("DESCRIPTION") {
            if let Some(name) = display.strip_prefix("struct ").and_then(|d| d.split(' ').next()) {
                let start = format!("struct {name} {{");
                let body = header.split(&start).nth(1).unwrap().split("};").next().unwrap();
                assert_eq!(words(&display), words(&format!("{start}{body}}};")), "{name}");
                for member in body.split(';').filter_map(|member| member.split_whitespace().last())
                {
                    let member = member.split('[').next().unwrap().trim_start_matches('*');
                    assert!(page.text.contains(&format!(".It Fa {member}\n")), "{name}: {member}");
                }
                shown += 1;
            }
        }
    }
    // Several functions may take the same struct.
    let functions = header.split(';').map(words);
    let growing: BTreeSet<_> = functions
        .filter_map(|function| {
            let (before, _) = function.split_once(", size_t size")?;
            Some(before.rsplit_once("struct ")?.1.split(' ').next()?.to_owned())
        })
        .collect();
    assert_eq!(shown, growing.len() + 1, "the structs with a size, and the event");
}

#[test]
fn the_examples_compile() {
    let dir = support::target().join("c/manual");
    fs::create_dir_all(&dir).unwrap();
    for page in pages() {
        let name = page.path.file_name().unwrap().to_str().unwrap().to_owned();
        let examples = page.displays("EXAMPLES");
        assert!(!examples.is_empty(), "{name} has no example");
        for (number, example) in examples.iter().enumerate() {
            let source = dir.join(format!("{name}-{number}.c"));
            let example = if example.contains("int main(void)") {
                example.clone()
            } else if example.starts_with("static ") {
                example.replacen("static ", "", 1)
            } else {
                format!("void example(void) {{\n{example}\n}}\n")
            };
            let includes = "#include <cnproc.h>\n#include <err.h>\n#include <errno.h>\n\
                            #include <poll.h>\n#include <signal.h>\n#include <stdio.h>\n\
                            #include <string.h>\n#include <unistd.h>\n";
            fs::write(&source, format!("{includes}{example}")).unwrap();
            run(cc()
                .args(["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"])
                .arg("-I")
                .arg(root().join("include"))
                .arg(&source));
        }
    }
}

#[test]
fn references_to_pages_of_the_library_lead_somewhere() {
    let pages = pages();
    let known: BTreeSet<_> = pages
        .iter()
        .flat_map(Page::functions)
        .map(|name| format!("{name} 3"))
        .chain(pages.iter().map(Page::reference))
        .collect();
    for page in &pages {
        let references = page.text.lines().filter_map(|line| line.split_once("Xr cnproc"));
        for (_, rest) in references {
            let mut words = rest.split(' ');
            let to = format!("cnproc{} {}", words.next().unwrap(), words.next().unwrap());
            assert!(known.contains(&to), "{}: {to}", page.path.display());
        }
    }
}
