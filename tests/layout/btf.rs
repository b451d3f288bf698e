//! Compared with the running kernel: its own description of its types, `/sys/kernel/btf/vmlinux`.

use crate::{Kind, Member, table};
use btf::{Btf, FlattenedType, Type};
use std::path::Path;
use support::require;

const BTF: &str = "/sys/kernel/btf/vmlinux";

/// None, and the calling test is skipped, if the kernel has no description of its types.
fn kernel() -> Option<Btf> {
    if !Path::new(BTF).exists() {
        require::skip(&format!("no {BTF}"));
        return None;
    }
    Some(Btf::from_file(BTF).unwrap())
}

/// Adds the members of `of` that have no members themselves.
fn flatten(btf: &Btf, of: &FlattenedType, path: &str, begin: u32, to: &mut Vec<Member>) {
    let (Type::Struct(members) | Type::Union(members)) = &of.base_type else {
        let kind = match &of.base_type {
            Type::Integer(integer) if integer.is_signed => Kind::Signed,
            Type::Enum32(of) if of.is_signed => Kind::Signed,
            Type::Integer(_) | Type::Enum32(_) => Kind::Unsigned,
            Type::Array(_) => Kind::Bytes,
            other => panic!("{path}: {other:?}"),
        };
        let (offset, size) = (begin as usize / 8, of.bits as usize / 8);
        // An array without a length takes no room.
        if size != 0 {
            to.push(Member { path: path.to_owned(), offset, size, kind });
        }
        return;
    };
    for member in &members.members {
        let path = match (path, &member.name) {
            (path, None) => path.to_owned(),
            ("", Some(name)) => name.clone(),
            (path, Some(name)) => format!("{path}.{name}"),
        };
        let of = btf.get_type_by_id(member.type_id).unwrap();
        flatten(btf, of, &path, begin + member.offset, to);
    }
}

#[test]
fn structs_are_the_kernels() {
    let Some(btf) = kernel() else { return };
    for of in table::structs() {
        let kernels = btf.get_types().iter().find(|kernels| {
            kernels.name.as_deref() == Some(of.name) && matches!(kernels.base_type, Type::Struct(_))
        });
        let Some(kernels) = kernels else {
            assert_eq!(of.name, "proc_input", "{BTF} has no struct {}", of.name);
            continue;
        };
        let mut members = Vec::new();
        flatten(&btf, kernels, "", 0, &mut members);
        assert_eq!(of.members, members, "struct {}: ours, and the running kernel's", of.name);
    }
}

/// Compares the kernel's enumerators with the library's constants. An error is a sentence about one that the library
/// lacks, or has with another value.
fn check(enumerators: &[(String, u32)]) -> Result<(), String> {
    let known = table::constants();
    for (name, value) in enumerators {
        match known.iter().find(|(known, _)| known == name) {
            Some((_, ours)) if *ours == i64::from(*value) => {}
            Some((_, ours)) => {
                return Err(format!("{name} is {value:#x} in this kernel, not {ours:#x}"));
            }
            None => {
                return Err(format!(
                    "this kernel has {name} = {value:#x}, which cnproc does not know yet: it is \
                     delivered as an event of unknown type until it is added to \
                     cnproc-parse/src/kernel.rs and to EventData"
                ));
            }
        }
    }
    Ok(())
}

#[test]
fn each_event_type_of_the_kernel_is_known() {
    let Some(btf) = kernel() else { return };
    let enums = btf.get_types().iter().filter_map(|of| match &of.base_type {
        Type::Enum32(of) => Some(&of.entries),
        _ => None,
    });
    let enumerators: Vec<_> = enums
        .flatten()
        .filter_map(|entry| Some((entry.name.clone()?, entry.value as u32)))
        .filter(|(name, _)| name.starts_with("PROC_EVENT_") || name.starts_with("PROC_CN_MCAST_"))
        .collect();
    assert!(enumerators.len() >= 12, "{enumerators:?}");
    check(&enumerators).unwrap();
}

#[test]
fn unknown_event_type_is_reported_in_a_sentence() {
    let exec = ("PROC_EVENT_EXEC".to_owned(), 2);
    assert_eq!(check(std::slice::from_ref(&exec)), Ok(()));
    let news = check(&[exec, ("PROC_EVENT_NEWS".to_owned(), 0x400)]).unwrap_err();
    assert!(
        news.starts_with("this kernel has PROC_EVENT_NEWS = 0x400, which cnproc does not know")
    );
    let other = check(&[("PROC_EVENT_EXIT".to_owned(), 0x400)]).unwrap_err();
    assert_eq!(other, "PROC_EVENT_EXIT is 0x400 in this kernel, not 0x80000000");
}
