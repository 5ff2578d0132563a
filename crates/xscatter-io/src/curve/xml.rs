//! canSAS XML 1.0 and 1.1, and the XML behind the points of a PDH file.
//!
//! No document type definition is read (roxmltree refuses one), the number of nodes is bounded, and
//! elements are found by their local names, since the namespace differs between versions.

use roxmltree::{Document, Node, ParsingOptions};
use xscatter_core::{Error, ErrorKind, Result};

use super::unit::{AbscissaUnit, Quantity};
use super::{
    Column, Curve, CurveInfo, HeaderBudget, Resolution, check_points, columns, fixed, numbers,
};
use crate::header;
use crate::limits::Limits;

/// Nodes for each point: eight columns with their texts, and white space between.
const NODES_A_POINT: usize = 32;
/// Nodes of everything else.
const NODES_BESIDE: usize = 1 << 20;
/// Depth to which metadata are read.
const MAX_DEPTH: usize = 8;

/// Bytes of one tag, depth of elements and declarations of namespaces beyond which the parser
/// would take time with their square.
const MAX_TAG: usize = 4096;
const MAX_NESTING: usize = 256;
const MAX_NAMESPACES: usize = 1024;

/// Looks over the tags of a text before it is parsed.
fn check_tags(text: &str, first_line: usize) -> Result<()> {
    let refuse = |at: usize, what: &str| {
        let line = text[..at].matches('\n').count() + 1 + first_line;
        let message = format!("expected {what}, found more");
        Err(Error::new(ErrorKind::LimitExceeded, message).at(format_args!("line {line}")))
    };
    if text.matches("xmlns").count() > MAX_NAMESPACES {
        return refuse(0, &format!("at most {MAX_NAMESPACES} namespaces"));
    }
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(start) = text[at..].find('<').map(|found| at + found) {
        let rest = &text[start..];
        let skipped = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")]
            .iter()
            .find(|(open, _)| rest.starts_with(open))
            .map(|(_, close)| rest.find(close).map(|end| end + close.len()));
        let length = match skipped {
            Some(end) => end,
            None => tag_length(rest),
        };
        // What is not closed is the parser's to tell, with the right words.
        let Some(length) = length else {
            if rest.len() > MAX_TAG && skipped.is_none() {
                return refuse(start, &format!("tags of {MAX_TAG} bytes at most"));
            }
            return Ok(());
        };
        if skipped.is_none() {
            let tag = &rest[..length];
            if length > MAX_TAG {
                return refuse(start, &format!("tags of {MAX_TAG} bytes at most"));
            }
            if tag.starts_with("</") {
                depth = depth.saturating_sub(1);
            } else if !tag.ends_with("/>") {
                depth += 1;
            }
            if depth > MAX_NESTING {
                return refuse(start, &format!("elements {MAX_NESTING} deep at most"));
            }
        }
        at = start + length;
    }
    Ok(())
}

/// The bytes of a tag up to its `>`, which may stand in quotes before.
fn tag_length(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate().take(MAX_TAG + 1) {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

fn parse(text: &str, nodes: usize, first_line: usize) -> Result<Document<'_>> {
    check_tags(text, first_line)?;
    let options = ParsingOptions {
        nodes_limit: u32::try_from(nodes).unwrap_or(u32::MAX),
        ..Default::default()
    };
    Document::parse_with_options(text, options).map_err(|error| {
        let line = error.pos().row as usize + first_line;
        let kind = match error {
            roxmltree::Error::NodesLimitReached => ErrorKind::LimitExceeded,
            roxmltree::Error::DtdDetected => ErrorKind::Unsupported,
            roxmltree::Error::UnexpectedEndOfStream | roxmltree::Error::UnclosedRootNode => {
                ErrorKind::Truncated
            }
            _ => ErrorKind::Malformed,
        };
        Error::new(kind, format!("expected well-formed XML: {error}"))
            .with_source(error)
            .at(format_args!("line {line}"))
    })
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| is(*child, name))
}

/// The text of an element, without that of its children.
fn text_of(node: Node<'_, '_>) -> String {
    header::value(node.text().unwrap_or(""))
}

fn at(error: Error, node: Node<'_, '_>) -> Error {
    let line = node.document().text_pos_at(node.range().start).row;
    error.at(format_args!("line {line}"))
}

pub(super) fn read(text: &str, limits: &Limits) -> Result<Vec<Curve>> {
    let nodes = limits
        .max_pixels
        .saturating_mul(NODES_A_POINT)
        .saturating_add(NODES_BESIDE);
    let document = parse(text, nodes, 0)?;
    let root = document.root_element();
    if !is(root, "SASroot") {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "expected the root element SASroot of canSAS, found {}",
                header::value(root.tag_name().name())
            ),
        ));
    }
    let mut curves = Vec::new();
    let mut budget = HeaderBudget::new(text.len() as u64, limits);
    for entry in root.children().filter(|node| is(*node, "SASentry")) {
        let info = entry_info(entry);
        for data in entry.children().filter(|node| is(*node, "SASdata")) {
            if curves.len() == limits.max_frames {
                return Err(Error::new(
                    ErrorKind::LimitExceeded,
                    format!("expected at most {} curves", limits.max_frames),
                ));
            }
            budget.add(&info)?;
            let mut curve = curve(data, limits)?;
            let (x_label, intensity_unit) =
                (curve.info.x_label.take(), curve.info.intensity_unit.take());
            curve.info = CurveInfo {
                x_label,
                intensity_unit,
                ..info.clone()
            };
            if let Some(name) = data.attribute("name").filter(|name| !name.is_empty()) {
                let key = "SASdata/name".to_owned();
                curve.info.header.insert(key, header::value(name));
            }
            curves.push(curve);
        }
    }
    if curves.is_empty() {
        return Err(Error::new(
            ErrorKind::Malformed,
            "expected a SASdata in a SASentry, found none",
        )
        .at("SASroot"));
    }
    Ok(curves)
}

/// A column of the points as it grows.
struct Series {
    name: String,
    unit: Option<String>,
    values: Vec<f64>,
}

fn curve(data: Node<'_, '_>, limits: &Limits) -> Result<Curve> {
    let mut series: Vec<Series> = Vec::new();
    let rows = data.children().filter(|node| is(*node, "Idata"));
    for (points, point) in rows.enumerate() {
        check_points(points as u64 + 1, limits).map_err(|error| at(error, point))?;
        for cell in point.children().filter(Node::is_element) {
            let wrong = |message: String| at(Error::new(ErrorKind::Malformed, message), cell);
            let name = cell.tag_name().name();
            let found = cell.text().unwrap_or("").trim();
            let unit = cell.attribute("unit").map(header::value);
            let Some(value) = numbers::number(found, false) else {
                let found = header::value(found);
                return Err(wrong(format!(
                    "expected a number in {name}, found `{found}`"
                )));
            };
            let place = match series.iter().position(|series| series.name == name) {
                Some(place) => place,
                None if points == 0 && series.len() < 16 => {
                    series.push(Series {
                        name: name.to_owned(),
                        unit: unit.clone(),
                        values: Vec::new(),
                    });
                    series.len() - 1
                }
                None => {
                    let name = header::value(name);
                    return Err(wrong(format!(
                        "expected the columns of the first Idata, found {name} too"
                    )));
                }
            };
            let column = &mut series[place];
            if column.unit != unit {
                let (old, new) = (column.unit.as_deref(), unit.as_deref());
                let (old, new) = (old.unwrap_or("none"), new.unwrap_or("none"));
                return Err(wrong(format!(
                    "expected the unit {old} of {name} as in the first Idata, found {new}"
                )));
            }
            column.values.push(value);
        }
        if let Some(column) = series
            .iter()
            .find(|series| series.values.len() != points + 1)
        {
            let message = format!("expected one {} in each Idata", column.name);
            return Err(at(Error::new(ErrorKind::Malformed, message), point));
        }
    }
    assemble(series).map_err(|error| at(error, data))
}

fn assemble(mut series: Vec<Series>) -> Result<Curve> {
    let mut take = |name: &str| {
        let place = series.iter().position(|series| series.name == name)?;
        Some(series.swap_remove(place))
    };
    let (Some(q), Some(intensity)) = (take("Q"), take("I")) else {
        return Err(Error::new(
            ErrorKind::Malformed,
            "expected Q and I in each Idata of SASdata, found none",
        ));
    };
    let unit_of = |unit: Option<&str>| {
        unit.map_or(AbscissaUnit::Unknown, |unit| {
            AbscissaUnit::from_quantity(Quantity::Q, unit)
        })
    };
    let unit = unit_of(q.unit.as_deref());
    let in_unit = |column: Series| -> Result<Vec<f64>> {
        rescaled(column.values, unit_of(column.unit.as_deref()), unit)
            .map_err(|error| error.at(format_args!("column {}", column.name)))
    };
    let sigma = take("Idev");
    let pinhole = take("Qdev");
    let width = take("dQw").map(in_unit).transpose()?;
    let length = take("dQl").map(in_unit).transpose()?;
    let mut curve = Curve::new(q.values, unit, intensity.values)?;
    curve.info.x_label = Some(match q.unit {
        Some(unit) => format!("Q ({unit})"),
        None => "Q".to_owned(),
    });
    curve.info.intensity_unit = intensity.unit;
    if let Some(sigma) = sigma {
        curve = curve.with_sigma(sigma.values)?;
    }
    curve = curve.with_resolution(Resolution::Slit { width, length })?;
    if let Some(pinhole) = pinhole {
        if curve.resolution().is_some() {
            let (name, values) = (pinhole.name, pinhole.values);
            curve = curve.with_column(Column { name, values })?;
        } else {
            curve = curve.with_resolution(Resolution::Pinhole(in_unit(pinhole)?))?;
        }
    }
    series.sort_by(|a, b| a.name.cmp(&b.name));
    for Series { name, values, .. } in series {
        curve = curve.with_column(Column { name, values })?;
    }
    Ok(curve)
}

/// Values of one unit of q in that of the abscissa; those of no stated unit are taken to share it.
pub(super) fn rescaled(
    mut values: Vec<f64>,
    from: AbscissaUnit,
    to: AbscissaUnit,
) -> Result<Vec<f64>> {
    let factor = match (from, to) {
        (AbscissaUnit::QInvAngstrom, AbscissaUnit::QInvNm) => 10.0,
        (AbscissaUnit::QInvNm, AbscissaUnit::QInvAngstrom) => 0.1,
        (AbscissaUnit::Unknown, _) => return Ok(values),
        (from, to) if from == to => return Ok(values),
        _ => {
            return Err(Error::new(
                ErrorKind::Malformed,
                format!("expected the resolution of q in the unit of q, found {from} beside {to}"),
            ));
        }
    };
    for value in &mut values {
        *value *= factor;
    }
    Ok(values)
}

/// Title, run, sample, wavelength and the leaves of an entry.
fn entry_info(entry: Node<'_, '_>) -> CurveInfo {
    let stated = |name: &str| {
        child(entry, name)
            .map(text_of)
            .filter(|text| !text.is_empty())
    };
    let mut info = CurveInfo {
        title: stated("Title"),
        run: stated("Run"),
        ..Default::default()
    };
    info.sample = child(entry, "SASsample")
        .and_then(|sample| child(sample, "ID"))
        .map(text_of)
        .filter(|text| !text.is_empty());
    if let Some(name) = entry.attribute("name") {
        columns::note(&mut info.header, &format!("SASentry/name: {name}"));
    }
    for part in entry.children().filter(Node::is_element) {
        let name = part.tag_name().name();
        if !matches!(name, "SASdata" | "SAStransmission_spectrum") {
            leaves(part, name, 1, &mut info);
        }
    }
    info
}

fn leaves(node: Node<'_, '_>, path: &str, depth: usize, info: &mut CurveInfo) {
    let mut leaf = true;
    for part in node.children().filter(Node::is_element) {
        leaf = false;
        if depth < MAX_DEPTH {
            let tag = part.tag_name().name();
            let term = part.attribute("name").filter(|_| tag == "term");
            let name = term.unwrap_or(tag);
            leaves(part, &format!("{path}/{name}"), depth + 1, info);
        }
    }
    let text = text_of(node);
    if !leaf || text.is_empty() {
        return;
    }
    let unit = node.attribute("unit").unwrap_or("");
    if path.ends_with("SASsource/wavelength")
        && let Some(metres) = header::metres(unit)
        && let Some(value) = numbers::number(&text, false)
        && value > 0.0
    {
        info.wavelength_m = Some(header::scaled(value, metres));
    }
    let value = format!("{text} {unit}");
    columns::note(
        &mut info.header,
        &format!("{}: {value}", path.replace([':', '='], "_")),
    );
}

/// Reads the `fileinfo` behind the points of a PDH file, which starts after `first_line`; returns
/// the unit of the abscissa.
pub(super) fn file_info(
    text: &str,
    first_line: usize,
    info: &mut CurveInfo,
) -> Result<AbscissaUnit> {
    let document = parse(text, NODES_BESIDE, first_line)?;
    let value = |node: Node<'_, '_>, key: &str| {
        node.children()
            .find(|child| is(*child, "value") && child.attribute("key") == Some(key))
            .map(text_of)
            .filter(|text| !text.is_empty())
    };
    let mut x_unit = AbscissaUnit::Unknown;
    for node in document.root_element().children().filter(Node::is_element) {
        let key = node.attribute("key").unwrap_or("");
        let unit = value(node, "unit");
        match (node.tag_name().name(), key) {
            ("column", "X") => {
                let quantity = value(node, "quantity").unwrap_or_default();
                let unit = unit.unwrap_or_default();
                x_unit = fixed::pdh_unit(&quantity, &unit);
                info.x_label = Some(format!("{quantity} ({unit})"));
            }
            ("column", "Y") => info.intensity_unit = unit,
            ("parameter", key) => {
                let Some(text) = value(node, "value") else {
                    continue;
                };
                let unit = unit.filter(|unit| unit != "none").unwrap_or_default();
                // Units are split by an underscore: `n_m`.
                let metres = header::metres(&unit.replace('_', ""));
                if key == "Wavelength"
                    && let (Some(metres), Some(value)) = (metres, numbers::number(&text, false))
                    && value > 0.0
                {
                    info.wavelength_m = Some(header::scaled(value, metres));
                }
                columns::note(&mut info.header, &format!("{key}: {text} {unit}"));
            }
            _ => {}
        }
    }
    Ok(x_unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = r#"<?xml version="1.0"?>
<SASroot version="1.1" xmlns="urn:cansas1d:1.1"><SASentry name="e">
<Title>t</Title><Run>7</Run>
<SASdata name="a"><Idata><Q unit="1/A">0.1</Q><I unit="1/cm">5</I><Idev unit="1/cm">1</Idev><dQl unit="1/nm">2</dQl></Idata>
<Idata><Q unit="1/A">0.2</Q><I unit="1/cm">4</I><Idev unit="1/cm">1</Idev><dQl unit="1/nm">2</dQl></Idata></SASdata>
<SASdata name="b"><Idata><Q>1</Q><I>2</I></Idata></SASdata>
<SASsample><ID>water</ID></SASsample>
<SASinstrument><SASsource><wavelength unit="A">1.5</wavelength></SASsource></SASinstrument>
<SASprocess><term name="k">v</term></SASprocess>
</SASentry></SASroot>"#;

    #[test]
    fn several_data_of_one_entry() {
        let curves = read(XML, &Limits::default()).unwrap();
        assert_eq!(curves.len(), 2);
        let [a, b] = &curves[..] else { panic!() };
        assert_eq!(a.x_unit(), AbscissaUnit::QInvAngstrom);
        assert_eq!(a.sigma(), Some(&[1.0, 1.0][..]));
        let length = Some(vec![0.2, 0.2]);
        assert_eq!(
            a.resolution(),
            Some(&Resolution::Slit {
                width: None,
                length
            })
        );
        assert_eq!(b.x_unit(), AbscissaUnit::Unknown);
        for curve in [a, b] {
            assert_eq!(curve.info.sample.as_deref(), Some("water"));
            assert_eq!(curve.info.run.as_deref(), Some("7"));
            assert_eq!(curve.info.wavelength_m, Some(1.5e-10));
            assert_eq!(curve.info.header["SASprocess/k"], "v");
        }
        assert_eq!(b.info.header["SASdata/name"], "b");
    }

    #[test]
    fn errors_name_the_line() {
        let error = |from: &str, to: &str| {
            read(&XML.replacen(from, to, 1), &Limits::default()).unwrap_err()
        };
        assert_eq!(
            error("<I unit=\"1/cm\">4", "<I unit=\"1/cm\">four").to_string(),
            "at line 5: expected a number in I, found `four`"
        );
        assert_eq!(
            error("<I unit=\"1/cm\">4", "<I unit=\"1/m\">4").place(),
            Some("line 5")
        );
        let missing = error("<Idev unit=\"1/cm\">1</Idev>", "");
        assert!(missing.message().contains("found Idev too"), "{missing}");
        assert_eq!(error("</SASentry>", "").kind(), ErrorKind::Malformed);
        assert_eq!(
            error("SASroot version", "html v").kind(),
            ErrorKind::Malformed
        );
        let tight = Limits {
            max_pixels: 1,
            ..Default::default()
        };
        assert_eq!(
            read(XML, &tight).unwrap_err().kind(),
            ErrorKind::LimitExceeded
        );
        let dtd = "<!DOCTYPE a [<!ENTITY b \"c\">]><SASroot/>";
        assert_eq!(
            read(dtd, &Limits::default()).unwrap_err().kind(),
            ErrorKind::Unsupported
        );
    }
}
