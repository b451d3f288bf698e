//! Compared with the kernel's headers that are installed: `tests/c/layout.c` checks every member, and the tests here
//! check that it leaves none out.

use crate::{Kind, Member, table};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use support::{cc, require};

const HEADERS: &str =
    "#include <linux/netlink.h>\n#include <linux/connector.h>\n#include <linux/cn_proc.h>\n";

/// What a compiler prints for a source with this text, which it must accept.
fn compile(mut compiler: Command, options: &[&str], text: &str) -> String {
    let root = support::root();
    let mut process = compiler
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-xc"])
        .args([format!("-I{}/include", root.display()), format!("-I{}/tests/c", root.display())])
        .args(options)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{compiler:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn cc_and_clang_confirm_every_layout() {
    let layout = "#include \"layout.c\"\n";
    compile(cc(), &["-fsyntax-only"], layout);
    if require::program("clang") {
        compile(Command::new("clang"), &["-fsyntax-only"], layout);
    }
}

/// The paths of all members of a struct that have no members themselves, as clang lays it out.
fn members_in_header(name: &str) -> Vec<String> {
    let text = format!("{HEADERS}struct {name} *unused;\n");
    let options = ["-fsyntax-only", "-Xclang", "-fdump-record-layouts-complete"];
    let dump = compile(Command::new("clang"), &options, &text);
    let mut lines = dump.lines().map(|line| line.split_once(" | ").unwrap_or(("", line)).1);
    lines
        .find(|line| *line == format!("struct {name}"))
        .unwrap_or_else(|| panic!("the headers have no struct {name}:\n{dump}"));
    let mut members: Vec<(Vec<&str>, bool)> = Vec::new();
    for line in lines.take_while(|line| !line.trim_start().starts_with('[')) {
        let depth = (line.len() - line.trim_start().len()) / 2;
        let mut path = Vec::new();
        if let Some((before, is_leaf)) = members.last_mut() {
            *is_leaf = before.len() >= depth;
            path.extend(before.iter().take(depth - 1));
        }
        let (of, member) = line.rsplit_once(' ').unwrap();
        path.push(member);
        // An array without a length takes no room.
        members.push((path, !of.ends_with("[]")));
    }
    let leaves = members.into_iter().filter(|(_, is_leaf)| *is_leaf);
    leaves.map(|(path, _)| path.join(".")).collect()
}

/// The words in the installed header that begin with this.
fn words_in_header(prefix: &str) -> BTreeSet<String> {
    let text = compile(cc(), &["-E", "-dD"], "#include <linux/cn_proc.h>\n");
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with(prefix)).map(str::to_owned).collect()
}

fn is_since_6_6() -> bool {
    words_in_header("PROC_EVENT_").contains("PROC_EVENT_ALL")
}

#[test]
fn no_member_is_missing() {
    if !require::program("clang") {
        return;
    }
    let checked = fs::read_to_string(support::root().join("tests/c/layout.c")).unwrap();
    let structs = table::structs().into_iter();
    for of in structs.filter(|of| of.name != "proc_input" || is_since_6_6()) {
        let mut members: Vec<_> = of.members.iter().map(|member| member.path.clone()).collect();
        let mut should = members_in_header(of.name);
        members.sort();
        should.sort();
        assert_eq!(members, should, "struct {}: the table, and the header", of.name);
        for Member { path, kind, .. } in of.members.iter().filter(|_| of.name == "proc_event") {
            let macro_name = if *kind == Kind::Bytes { "SAME_BYTES" } else { "SAME" };
            let check = format!("{macro_name}({path})");
            assert!(
                checked.lines().any(|line| line == check),
                "tests/c/layout.c does not compare struct cnproc_event's with the kernel's: {check}"
            );
        }
    }
}

#[test]
fn no_constant_is_missing() {
    let checked = fs::read_to_string(support::root().join("tests/c/layout.c")).unwrap();
    let names = words_in_header("PROC_EVENT_");
    assert!(names.len() >= 10, "{names:?}");
    for name in names.iter().chain(&words_in_header("PROC_CN_")) {
        assert!(
            table::constants().iter().any(|(known, _)| known == name),
            "the kernel's header has {name}, which cnproc-parse/src/kernel.rs does not know"
        );
        let check = match name.strip_prefix("PROC_EVENT_") {
            // Since Linux 6.6 the header has the union of all types. cnproc.h's is without NONZERO_EXIT.
            Some("ALL") => "CNPROC_EVENT_NONZERO_EXIT) == PROC_EVENT_ALL);".to_owned(),
            Some(event) => format!("SAME_CONSTANT(EVENT_{event})"),
            None => continue,
        };
        assert!(
            checked.lines().any(|line| line.ends_with(&check)),
            "tests/c/layout.c does not compare cnproc.h's with the kernel's: {check}"
        );
    }
}

/// `architectures.sh` does for all of them what the test above does for this machine's.
#[test]
fn documentation_names_every_architecture() {
    let read = |path| fs::read_to_string(support::root().join(path)).unwrap();
    let page = read("docs/verification.md");
    let table = read("tests/layout/architectures");
    let section = page.split("\n## ").find(|text| text.starts_with("Architectures\n")).unwrap();
    let mut reported: Vec<_> = section
        .lines()
        .filter_map(|line| line.split_once("-endian | ")?.1.strip_suffix(" |"))
        .flat_map(|names| names.split(", "))
        .collect();
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    let mut checked: Vec<_> = rows.filter_map(|line| line.split_whitespace().next()).collect();
    reported.sort_unstable();
    checked.sort_unstable();
    assert_eq!(reported, checked);
    assert!(section.contains(&format!("{} architectures", checked.len())));
}
