//! Every event is delivered or counted: made = delivered + lost, to the event.

mod changes;
mod flood;
mod log;
mod no_counter;
mod place;
