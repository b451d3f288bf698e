//! A line chart as SVG: logarithmic axes, each line labelled where it ends.

use std::fmt::Write;

pub struct Theme {
    pub suffix: &'static str,
    background: &'static str,
    text: &'static str,
    muted: &'static str,
    grid: &'static str,
    colours: [&'static str; 8],
}

pub const THEMES: [Theme; 2] = [
    Theme {
        suffix: "light",
        background: "#ffffff",
        text: "#1f2328",
        muted: "#59636e",
        grid: "#e4e8ec",
        colours: [
            "#1f2328", "#0550ae", "#0a8f6a", "#59636e", "#8250df", "#bc4c00", "#8a6d00", "#cf222e",
        ],
    },
    Theme {
        suffix: "dark",
        background: "#0d1117",
        text: "#f0f6fc",
        muted: "#9198a1",
        grid: "#262c36",
        colours: [
            "#f0f6fc", "#58a6ff", "#3fd6a4", "#9198a1", "#be8fff", "#f0883e", "#d4b106", "#ff7b72",
        ],
    },
];

pub struct Series {
    pub name: &'static str,
    /// Which of the theme's colours.
    pub colour: usize,
    /// A heavier line, drawn above the others.
    pub strong: bool,
    /// Rate and value, by rising rate.
    pub points: Vec<(f64, f64)>,
    /// The line ends before the others do, because the listener does.
    pub dies: bool,
}

pub struct Chart {
    pub title: &'static str,
    pub subtitle: String,
    /// What the vertical axis shows.
    pub unit: &'static str,
    pub x_ticks: Vec<(f64, String)>,
    /// Values below the lowest, such as 0, are drawn at the lowest.
    pub y_ticks: Vec<(f64, &'static str)>,
    pub series: Vec<Series>,
}

const WIDTH: f64 = 890.0;
const HEIGHT: f64 = 470.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 625.0;
const TOP: f64 = 84.0;
const BOTTOM: f64 = 412.0;
const LABEL_HEIGHT: f64 = 17.0;

fn position(value: f64, from: f64, to: f64) -> f64 {
    (value.ln() - from.ln()) / (to.ln() - from.ln())
}

/// Moves labels apart that stand closer than a line's height; they keep their order, and stay in the picture.
fn spread(wanted: &mut [(f64, usize)]) {
    wanted.sort_by(|a, b| a.0.total_cmp(&b.0));
    for _ in 0..200 {
        for i in 1..wanted.len() {
            let overlap = LABEL_HEIGHT - (wanted[i].0 - wanted[i - 1].0);
            if overlap > 0.0 {
                wanted[i - 1].0 -= overlap / 2.0;
                wanted[i].0 += overlap / 2.0;
            }
        }
        for (y, _) in wanted.iter_mut() {
            *y = y.clamp(TOP, BOTTOM);
        }
    }
}

fn text(out: &mut String, x: f64, y: f64, style: &str, words: &str) {
    let _ = writeln!(out, r#"<text x="{x:.1}" y="{y:.1}" {style}>{words}</text>"#);
}

impl Chart {
    fn x(&self, rate: f64) -> f64 {
        let (first, last) = (self.x_ticks[0].0, self.x_ticks[self.x_ticks.len() - 1].0);
        LEFT + (RIGHT - LEFT) * position(rate, first, last)
    }

    fn y(&self, value: f64) -> f64 {
        let (first, last) = (self.y_ticks[0].0, self.y_ticks[self.y_ticks.len() - 1].0);
        BOTTOM - (BOTTOM - TOP) * position(value.max(first), first, last)
    }

    pub fn draw(&self, theme: &Theme) -> String {
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
             height=\"{HEIGHT}\" role=\"img\" aria-label=\"{}\" font-family=\"system-ui, -apple-system, 'Segoe UI', \
             Helvetica, Arial, sans-serif\" font-size=\"12.5\">\n\
             <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{}\"/>\n",
            self.title, theme.background
        );
        let title = format!(r#"font-size="17" font-weight="600" fill="{}""#, theme.text);
        let muted = format!(r#"fill="{}""#, theme.muted);
        text(&mut out, 20.0, 30.0, &title, self.title);
        text(&mut out, 20.0, 50.0, &muted, &self.subtitle);
        text(&mut out, 20.0, TOP - 12.0, &muted, self.unit);
        for (value, label) in &self.y_ticks {
            let y = self.y(*value);
            let _ = writeln!(
                out,
                r#"<line x1="{LEFT}" x2="{RIGHT}" y1="{y:.1}" y2="{y:.1}" stroke="{}"/>"#,
                theme.grid
            );
            let style = format!(r#"text-anchor="end" {muted}"#);
            text(&mut out, LEFT - 8.0, y + 4.0, &style, label);
        }
        for (rate, label) in &self.x_ticks {
            let style = format!(r#"text-anchor="middle" {muted}"#);
            text(&mut out, self.x(*rate), BOTTOM + 20.0, &style, label);
        }
        let style = format!(r#"text-anchor="middle" {muted}"#);
        text(&mut out, (LEFT + RIGHT) / 2.0, BOTTOM + 42.0, &style, "events a second");
        self.draw_lines(&mut out, theme);
        out.push_str("</svg>\n");
        out
    }

    fn draw_lines(&self, out: &mut String, theme: &Theme) {
        let mut labels = Vec::new();
        // The strong ones last, so that they lie above.
        let mut order: Vec<usize> = (0..self.series.len()).collect();
        order.sort_by_key(|&i| self.series[i].strong);
        for i in order {
            let series = &self.series[i];
            let colour = theme.colours[series.colour];
            let Some(&(last_rate, last_value)) = series.points.last() else { continue };
            let points: Vec<String> = series
                .points
                .iter()
                .map(|&(x, y)| format!("{:.1},{:.1}", self.x(x), self.y(y)))
                .collect();
            let (width, radius) = if series.strong { (3.0, 4.0) } else { (1.6, 2.6) };
            let _ = writeln!(
                out,
                r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"/>"#,
                points.join(" ")
            );
            for &(x, y) in &series.points {
                let _ = writeln!(
                    out,
                    r#"<circle cx="{:.1}" cy="{:.1}" r="{radius}" fill="{colour}"/>"#,
                    self.x(x),
                    self.y(y)
                );
            }
            if series.dies {
                let (x, y) = (self.x(last_rate), self.y(last_value));
                let _ = writeln!(
                    out,
                    r#"<path d="M{:.1},{:.1}l12,12m0,-12l-12,12" stroke="{colour}" stroke-width="2.4"/>"#,
                    x - 6.0,
                    y - 6.0
                );
                text(
                    out,
                    x + 11.0,
                    y - 6.0,
                    &format!(r#"fill="{colour}""#),
                    &format!("{} dies", series.name),
                );
            } else {
                labels.push((self.y(last_value), i));
            }
        }
        spread(&mut labels);
        for (y, i) in labels {
            let series = &self.series[i];
            let colour = theme.colours[series.colour];
            let Some(&(x, value)) = series.points.last() else { continue };
            let weight = if series.strong { 600 } else { 400 };
            let _ = writeln!(
                out,
                r#"<path d="M{:.1},{:.1}L{:.1},{y:.1}h6" fill="none" stroke="{colour}" stroke-width="0.8" opacity="0.6"/>"#,
                self.x(x) + 6.0,
                self.y(value),
                RIGHT + 14.0
            );
            let style = format!(r#"fill="{colour}" font-weight="{weight}""#);
            text(out, RIGHT + 24.0, y + 4.0, &style, series.name);
        }
    }
}
