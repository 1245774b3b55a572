//! The platform tools of an assistant file, `[tools]`.

use super::fault::Fault;
use super::language::http_tools;
use super::load::{Known, check_texts, required_text};
use super::reader::{Faults, Section};
use crate::model::{Bounded, TransferMode};
use crate::runtime::template::is_identifier;
use crate::runtime::tools::{EndTool, HumanHandoff, Tools, TransferTarget, is_destination};
use std::collections::BTreeSet;

pub(super) fn tools(mut section: Section<'_, '_>, known: &Known, faults: &mut Faults<'_>) -> Tools {
    let mut tools = Tools::default();
    if let Some(mut transfer) = section.section("transfer_call", faults) {
        if let Some(targets) = transfer.section("targets", faults) {
            for (label, value, line) in targets.entries(faults) {
                let key = targets.key(&label);
                match value.as_table() {
                    Some(table) if is_identifier(&label) => {
                        let target = target(Section::new(key, line, table), known, faults);
                        tools.targets.insert(label, target);
                    }
                    Some(_) => faults.add(line, key, Fault::BadValue { detail: "a label is letters, digits and underscores".to_owned() }),
                    None => faults.add(line, key, Fault::WrongType { expected: "table", found: value.type_str() }),
                }
            }
        }
        transfer.finish(faults);
    }
    if let Some(mut human) = section.section("request_human_handoff", faults) {
        let text = known.text(&mut human, "text", faults).unwrap_or_else(|| "I will ask a colleague to join us.".to_owned());
        let (said, reason) = (known.phrases(&mut human, "said", faults), known.text(&mut human, "reason", faults));
        tools.human = Some(HumanHandoff { said, text, reason });
        human.finish(faults);
    }
    if let Some(mut end) = section.section("end_session", faults) {
        let say = known.text(&mut end, "say", faults).unwrap_or_else(|| "Goodbye.".to_owned());
        tools.end = Some(EndTool { said: known.phrases(&mut end, "said", faults), say });
        end.finish(faults);
    }
    tools.http = section.section("http", faults).map(|inner| http_tools(&inner, known, faults)).unwrap_or_default();
    section.finish(faults);
    tools
}

pub(super) fn bad_destination() -> Fault {
    Fault::BadValue { detail: "a destination is an E.164 number (+49…), or a tel:, sip: or sips: URI".to_owned() }
}

fn target(mut section: Section<'_, '_>, known: &Known, faults: &mut Faults<'_>) -> TransferTarget {
    let destination = required_text(&mut section, "destination", faults);
    if !destination.is_empty() && !is_destination(&destination) {
        faults.add(section.line, section.key("destination"), bad_destination());
    }
    let warm_destinations = section.strings("warm_destinations", faults).map(|found| {
        if !found.value.iter().all(|destination| is_destination(destination)) {
            faults.add(found.line, found.key, bad_destination());
        }
        found.value
    });
    let mode = match section.string("mode", faults) {
        None => TransferMode::Cold,
        Some(found) => match found.value.as_str() {
            "cold" => TransferMode::Cold,
            "warm" => TransferMode::Warm,
            _ => {
                faults.add(found.line, found.key, Fault::NotOneOf { word: found.value, allowed: "cold, warm".to_owned() });
                TransferMode::Cold
            }
        },
    };
    let retries = section.number("max_retries", 0, 5, faults).and_then(|found| Bounded::try_from(found.value).ok());
    let warm = section.section("warm", faults).map(|inner| {
        check_texts(&inner, known, faults);
        inner.model(&[], faults)
    });
    let warm_overrides = section.section("warm_overrides", faults).map(|inner| {
        check_texts(&inner, known, faults);
        inner.model(&[], faults)
    });
    let retry_text = known.text(&mut section, "retry_text", faults);
    if retry_text.as_ref().is_some_and(|text| text.chars().count() > 500) {
        faults.add(section.line, section.key("retry_text"), Fault::BadValue { detail: "at most 500 characters are allowed".to_owned() });
    }
    let target = TransferTarget {
        destination,
        mode,
        description: section.string("description", faults).map(|found| found.value),
        said: known.phrases(&mut section, "said", faults),
        connecting_text: known.text(&mut section, "connecting_text", faults),
        reason: known.text(&mut section, "reason", faults),
        warm_destinations: warm_destinations.unwrap_or_default(),
        max_retries: retries.unwrap_or(const { Bounded::of(1) }),
        retry_text,
        on_failure: known.failure_node(&mut section, faults),
        warm,
        warm_overrides,
    };
    section.finish(faults);
    target
}

/// Nodes that transfer targets come back to.
pub(super) fn failure_entries(tools: &Tools, index_of: impl Fn(&str) -> Option<usize>) -> BTreeSet<usize> {
    tools.targets.values().filter_map(|target| index_of(target.on_failure.as_deref()?)).collect()
}
