//! The parser, against every kind of datagram.

use crate::strategies::{damaged, event, messages};
use crate::{config, order};
use cnproc_parse::{
    ByteOrder, Layer, Message, ParseError, ParseErrorKind, encode, messages as parse, messages_in,
};
use proptest::prelude::*;
use proptest::sample::Index;

/// What parsing gives, with where in the datagram each item ends.
fn items(datagram: &[u8], order: ByteOrder) -> Vec<(Result<Message, ParseError>, usize)> {
    let mut messages = messages_in(datagram, order);
    let mut items = Vec::new();
    while let Some(item) = messages.next() {
        items.push((item, messages.offset()));
        assert!(items.len() <= datagram.len() / 16 + 1, "too many items: {items:?}");
    }
    items
}

/// Where the bytes of a struct begin to count as this struct's, and its least size.
fn header(layer: Layer) -> (usize, usize) {
    match layer {
        Layer::Nlmsg => (0, 16),
        Layer::CnMsg => (16, 20),
        Layer::ProcEvent => (36, 32),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_was_encoded_is_parsed(messages in messages(), order in order()) {
        let datagram = encode::datagram(&messages, order);
        let parsed: Result<Vec<_>, _> = messages_in(&datagram, order).collect();
        prop_assert_eq!(parsed.as_deref(), Ok(messages.as_slice()));
    }

    #[test]
    fn without_an_order_it_is_this_machines(messages in messages()) {
        let datagram = encode::datagram(&messages, ByteOrder::NATIVE);
        let parsed: Result<Vec<_>, _> = parse(&datagram).collect();
        prop_assert_eq!(parsed.as_deref(), Ok(messages.as_slice()));
    }

    #[test]
    fn the_padding_of_the_last_message_may_be_missing(messages in messages(), order in order()) {
        let mut datagram = encode::datagram(&messages, order);
        if let Some(last) = messages.last() {
            let padded = encode::datagram(&[*last], order).len();
            datagram.truncate(datagram.len() - padded + encode::message(last, order).len());
        }
        let items = items(&datagram, order);
        prop_assert!(items.iter().map(|item| item.0).eq(messages.iter().copied().map(Ok)));
        prop_assert_eq!(items.last().map_or(0, |item| item.1), datagram.len());
    }

    #[test]
    fn every_item_advances_and_the_last_ends_the_datagram(
        (order, datagram) in order().prop_flat_map(|order| (Just(order), damaged(order)))
    ) {
        let mut begin = 0;
        for (item, end) in items(&datagram, order) {
            prop_assert!(end > begin && end <= datagram.len(), "{item:?} at {begin}..{end}");
            if let Err(error) = item {
                let (at, minimum) = header(error.layer);
                prop_assert_eq!(error.offset, begin + at);
                match error.kind {
                    ParseErrorKind::Truncated { needed, available } => {
                        prop_assert!(needed > available && needed >= minimum, "{error}");
                        prop_assert!(error.offset + available <= datagram.len(), "{error}");
                    }
                    ParseErrorKind::LengthTooSmall { length, minimum: reported } => {
                        prop_assert!(length < reported && reported == minimum, "{error}");
                    }
                    _ => prop_assert!(false, "{error}"),
                }
            }
            begin = end;
        }
        prop_assert_eq!(begin, datagram.len());
    }

    /// Its items are those of the whole, except the last, whose message may be cut short.
    #[test]
    fn a_prefix_yields_no_more_than_the_whole(
        (order, datagram) in order().prop_flat_map(|order| (Just(order), damaged(order))),
        cut in any::<Index>(),
    ) {
        let length = cut.index(datagram.len() + 1);
        let (whole, prefix) = (items(&datagram, order), items(&datagram[..length], order));
        prop_assert!(prefix.len() <= whole.len());
        let last = prefix.len().saturating_sub(1);
        for (index, (prefix, whole)) in prefix.iter().zip(&whole).enumerate() {
            let cut_short = index == last && prefix.0.is_err();
            prop_assert!(cut_short || prefix.0 == whole.0, "{index}: {prefix:?}, {whole:?}");
        }
    }

    #[test]
    fn what_follows_changes_nothing_before_it(
        (order, datagram) in order().prop_flat_map(|order| (Just(order), damaged(order))),
        tail in prop::collection::vec(any::<u8>(), 0..100),
        at in any::<Index>(),
    ) {
        let kept = at.index(datagram.len() + 1);
        let mut other = datagram[..kept].to_vec();
        other.extend(tail);
        for (one, other) in items(&datagram, order).iter().zip(&items(&other, order)) {
            // A netlink header may say that its message goes on into what follows.
            if one.1 > kept || matches!(one.0, Err(ParseError { layer: Layer::Nlmsg, .. })) {
                break;
            }
            prop_assert_eq!(one.0, other.0);
        }
    }

    #[test]
    fn an_error_inside_a_message_costs_that_message_alone(
        messages in messages(), bad in event(), at in any::<Index>(), order in order()
    ) {
        let at = at.index(messages.len() + 1);
        let (before, after) = messages.split_at(at);
        let mut datagram = encode::datagram(before, order);
        let begin = datagram.len();
        datagram.extend(encode::datagram(&[Message::Event(bad)], order));
        datagram[begin + 32..begin + 34].fill(0xff);
        datagram.extend(encode::datagram(after, order));
        let parsed: Vec<_> = messages_in(&datagram, order).collect();
        prop_assert_eq!(parsed.len(), messages.len() + 1);
        let error = parsed[at].unwrap_err();
        prop_assert_eq!((error.layer, error.offset), (Layer::CnMsg, begin + 16));
        let rest = parsed[..at].iter().chain(&parsed[at + 1..]);
        prop_assert!(rest.copied().eq(messages.iter().copied().map(Ok)));
    }
}
