//! Plots as SVG: percentiles of both sides as lines, and how many answers came how fast as bars.

use std::fmt::Write as _;

use super::super::latency::Percentiles;
use super::super::report::Spread;
use super::{escape, milliseconds};

/// Size of a plot, and of the room around what is drawn.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 52.0;
const BELOW: f64 = 34.0;
const ABOVE: f64 = 26.0;
const RIGHT: f64 = 12.0;

/// Both sides by percentile, on a scale of logarithms.
pub(super) fn percentiles(source: &Percentiles, target: &Percentiles) -> String {
    let mut svg = begin("plot-percentiles", "Client-side latency by percentile, in milliseconds");
    let (ours, theirs) = (source.named(), target.named());
    let all = ours.iter().chain(&theirs).map(|(_, value)| *value).filter(|value| *value > 0.0);
    let (least, most) =
        all.fold((f64::INFINITY, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
    if !least.is_finite() {
        return nothing(svg);
    }
    let (low, high) = (least.log10().floor(), most.log10().ceil().max(least.log10().floor() + 1.0));
    let y = |value: f64| {
        ABOVE + (1.0 - (value.max(10_f64.powf(low)).log10() - low) / (high - low)) * (HEIGHT - ABOVE - BELOW)
    };
    let step = (WIDTH - LEFT - RIGHT) / ours.len() as f64;
    let x = |at: usize| LEFT + (at as f64 + 0.5) * step;
    let mut power = low;
    while power <= high {
        let at = y(10_f64.powf(power));
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0,
            tick(10_f64.powf(power))
        );
        power += 1.0;
    }
    for (at, (name, _)) in ours.iter().enumerate() {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{name}</text>",
            x(at),
            HEIGHT - 12.0
        );
    }
    for (side, figures) in [("source", ours), ("target", theirs)] {
        let points: Vec<String> = figures
            .iter()
            .enumerate()
            .map(|(at, (_, value))| format!("{:.1},{:.1}", x(at), y(*value)))
            .collect();
        let _ = writeln!(svg, "<polyline class=\"{side}\" points=\"{}\"/>", points.join(" "));
        for (at, (name, value)) in figures.iter().enumerate() {
            let _ = writeln!(
                svg,
                "<circle class=\"{side}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\" data-value=\"{value}\"><title>{side} {name}: {} ms</title></circle>",
                x(at),
                y(*value),
                milliseconds(*value)
            );
        }
    }
    end(svg)
}

/// Answers of both sides by how long they took.
pub(super) fn spread(spread: &Spread) -> String {
    let mut svg = begin("plot-spread", "Answers by client-side latency");
    let most = spread.source.iter().chain(&spread.target).max().copied().unwrap_or(0);
    if most == 0 {
        return nothing(svg);
    }
    let bars = spread.source.len();
    let step = (WIDTH - LEFT - RIGHT) / bars as f64;
    let room = HEIGHT - ABOVE - BELOW;
    let _ = writeln!(
        svg,
        "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{2}\" y2=\"{2}\"/><text x=\"{1}\" y=\"{3}\" text-anchor=\"end\">{most}</text>",
        WIDTH - RIGHT,
        LEFT - 6.0,
        ABOVE,
        ABOVE + 4.0
    );
    for (position, (side, counts)) in
        [("source", &spread.source), ("target", &spread.target)].into_iter().enumerate()
    {
        for (at, count) in counts.iter().enumerate() {
            let height = *count as f64 / most as f64 * room;
            let label = label(spread, at);
            let _ = writeln!(
                svg,
                "<rect class=\"{side}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\" data-count=\"{count}\"><title>{side}, {}: {count}</title></rect>",
                LEFT + at as f64 * step + step * (0.1 + 0.4 * position as f64),
                ABOVE + room - height,
                step * 0.4,
                escape(&label)
            );
        }
    }
    for (at, bound) in spread.within_ms.iter().enumerate() {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            LEFT + (at as f64 + 1.0) * step,
            HEIGHT - 12.0,
            tick(*bound)
        );
    }
    end(svg)
}

fn label(spread: &Spread, at: usize) -> String {
    match spread.within_ms.get(at) {
        Some(bound) => format!("up to {} ms", tick(*bound)),
        None => "slower".to_owned(),
    }
}

fn begin(id: &str, title: &str) -> String {
    format!(
        "<figure><svg id=\"{id}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{0}\">\n<text class=\"title\" x=\"{LEFT}\" y=\"14\">{0}</text>\n\
         <line class=\"axis\" x1=\"{LEFT}\" x2=\"{1}\" y1=\"{2}\" y2=\"{2}\"/>\n",
        escape(title),
        WIDTH - RIGHT,
        HEIGHT - BELOW
    )
}

fn end(svg: String) -> String {
    format!(
        "{svg}</svg>\n<figcaption><span class=\"key source\"></span> source <span class=\"key target\"></span> target</figcaption></figure>\n"
    )
}

fn nothing(svg: String) -> String {
    end(format!(
        "{svg}<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">no answers were measured</text>\n",
        WIDTH / 2.0,
        HEIGHT / 2.0
    ))
}

/// `0.1`, `1`, `1000`.
fn tick(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
