//! What is in the C library: its ELF files, read.

use object::elf::{self, FileHeader64};
use object::read::elf::{Dyn, ElfFile64, FileHeader, ProgramHeader};
use object::{Object, ObjectSymbol};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{CLibrary, cc, exports, root, run, target};

/// In bytes, stripped. The tracker's share is 40 KiB.
const SHARED_LIMIT: u64 = 108 * 1024;
/// In bytes, stripped: by how much a static program may grow that uses everything, and one without a tracker.
const STATIC_LIMIT: u64 = 100 * 1024;
const WITHOUT_TRACKER_LIMIT: u64 = 64 * 1024;

fn shared() -> Vec<u8> {
    fs::read(&CLibrary::get().shared).unwrap()
}

/// The one object in the archive.
fn archived() -> Vec<u8> {
    let data = fs::read(&CLibrary::get().archive).unwrap();
    let archive = object::read::archive::ArchiveFile::parse(&*data).unwrap();
    let members: Vec<_> = archive.members().map(Result::unwrap).collect();
    let [member] = members.as_slice() else { panic!("{} members", members.len()) };
    member.data(&*data).unwrap().to_vec()
}

/// A file's length without symbols and debug information.
fn stripped(file: &Path) -> u64 {
    let name = file.file_name().unwrap().to_str().unwrap();
    let to = target().join(format!("c/programs/{name}-stripped-{}", std::process::id()));
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    run(Command::new("strip").arg("-o").arg(&to).arg(file));
    let length = fs::metadata(&to).unwrap().len();
    fs::remove_file(to).unwrap();
    length
}

/// The values of the dynamic section's entries of a kind; of names, from its string table.
fn dynamic(data: &[u8], tag: u32) -> Vec<u64> {
    let header = FileHeader64::<object::NativeEndian>::parse(data).unwrap();
    let endian = header.endian().unwrap();
    let segments = header.program_headers(endian, data).unwrap();
    let entries = segments.iter().find_map(|segment| segment.dynamic(endian, data).unwrap());
    let entries = entries.unwrap().iter().filter(|entry| entry.d_tag(endian) == u64::from(tag));
    entries.map(|entry| entry.d_val(endian)).collect()
}

fn dynamic_names(data: &[u8], tag: u32) -> Vec<String> {
    let file = ElfFile64::<object::NativeEndian>::parse(data).unwrap();
    let strings = file.elf_dynamic_symbol_table().strings();
    let names = dynamic(data, tag).into_iter().map(|at| strings.get(u32::try_from(at).unwrap()));
    names.map(|name| String::from_utf8(name.unwrap().to_vec()).unwrap()).collect()
}

#[test]
fn it_needs_libc_only_and_has_its_soname() {
    let data = shared();
    assert_eq!(dynamic_names(&data, elf::DT_NEEDED), ["libc.so.6"]);
    assert_eq!(dynamic_names(&data, elf::DT_SONAME), ["libcnproc.so.0"]);
    assert_eq!(dynamic(&data, elf::DT_TEXTREL), [0_u64; 0]);
}

/// `name@@VERSION` of each symbol that the shared library defines for others.
fn exported() -> BTreeSet<String> {
    let data = shared();
    let file = ElfFile64::<object::NativeEndian>::parse(&*data).unwrap();
    let table = file.elf_section_table();
    let versions = table.versions(file.endian(), &*data).unwrap().unwrap();
    let symbols = file.dynamic_symbols().filter(|symbol| symbol.is_definition());
    let names = symbols.map(|symbol| {
        let version = versions.version_index(file.endian(), symbol.index());
        let version = versions.version(version).unwrap();
        let version =
            version.map_or("none", |version| std::str::from_utf8(version.name()).unwrap());
        format!("{}@@{version}", symbol.name().unwrap())
    });
    names.collect()
}

#[test]
fn it_exports_what_the_map_names_each_with_its_version() {
    let map = fs::read_to_string(root().join("cnproc-ffi/libcnproc.map")).unwrap();
    let mut version = "";
    let mut mapped = BTreeSet::new();
    for line in map.lines().map(str::trim) {
        if let Some(node) = line.strip_suffix(" {") {
            version = node;
        } else if let Some(name) = line.strip_suffix(';').filter(|line| line.starts_with("cnproc_"))
        {
            mapped.insert(format!("{name}@@{version}"));
        }
    }
    assert_eq!(mapped.len(), exports().len());
    // A version is a symbol of its own with some linkers.
    let exported: BTreeSet<_> =
        exported().into_iter().filter(|name| !name.starts_with("CNPROC_")).collect();
    assert_eq!(exported, mapped);
}

#[test]
fn the_archive_defines_the_exports_and_nothing_else_for_others() {
    let data = archived();
    let file = object::File::parse(&*data).unwrap();
    let defined = file.symbols().filter(|symbol| symbol.is_global() && symbol.is_definition());
    let defined: BTreeSet<_> = defined.map(|symbol| symbol.name().unwrap().to_owned()).collect();
    assert_eq!(defined, exports().into_iter().collect());
}

/// What only std, an allocator or a panic would bring in.
const FOREIGN: [&str; 9] = [
    "abort",
    "alloc",
    "expect_failed",
    "panic",
    "personality",
    "realloc",
    "rust_begin_unwind",
    "unwrap_failed",
    "_Unwind",
];

#[test]
fn there_is_no_way_to_panic_in_it() {
    for data in [shared(), archived()] {
        let file = object::File::parse(&*data).unwrap();
        let mut count = 0;
        for symbol in file.symbols().chain(file.dynamic_symbols()) {
            let name = symbol.name().unwrap();
            count += 1;
            let foreign = FOREIGN.iter().any(|foreign| name.contains(foreign));
            assert!(!foreign || name.starts_with("malloc"), "{name}");
        }
        assert!(count > exports().len(), "the file has been stripped: {count} symbols");
    }
}

#[test]
fn it_is_small() {
    let length = stripped(&CLibrary::get().shared);
    println!("libcnproc.so: {length} bytes, stripped");
    assert!(length <= SHARED_LIMIT, "{length} bytes are more than {SHARED_LIMIT}");
}

/// A static program, stripped.
fn static_program(name: &str, source: &str, others: &[&Path]) -> u64 {
    let program = target().join(format!("c/programs/{name}-{}", std::process::id()));
    let source_file = program.with_extension("c");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    fs::write(&source_file, source).unwrap();
    let options = ["-static", "-O2", "-Wl,--gc-sections", "-o"];
    run(cc().args(options).arg(&program).arg(&source_file).args(others));
    let length = stripped(&program);
    [program, source_file].iter().for_each(|file: &PathBuf| fs::remove_file(file).unwrap());
    length
}

/// By how much a static program grows that uses these functions.
fn growth(functions: &[String]) -> u64 {
    let declared: String = functions.iter().map(|name| format!("int {name}(void);\n")).collect();
    let taken = functions.join(", ");
    // The linker drops what is not used, and a constant that the compiler knows is not.
    let all = format!(
        "{declared}int (*volatile all[])(void) = {{ {taken} }};\n\
         int main(void) {{ return !all[0]; }}\n"
    );
    let with = static_program("with", &all, &[&CLibrary::get().archive]);
    with - static_program("without", "int main(void) { return 0; }\n", &[])
}

#[test]
fn a_static_program_grows_by_little() {
    let is_trackers = |name: &String| name.starts_with("cnproc_tracker");
    let without_tracker: Vec<_> = exports().into_iter().filter(|name| !is_trackers(name)).collect();
    let (all, less) = (growth(&exports()), growth(&without_tracker));
    println!("a static program that uses everything: {all} bytes more; all but a tracker: {less}");
    assert!(all <= STATIC_LIMIT, "{all} bytes are more than {STATIC_LIMIT}");
    assert!(less <= WITHOUT_TRACKER_LIMIT, "{less} bytes are more than {WITHOUT_TRACKER_LIMIT}");
}
