//! Pieces of HTML.

/// Text as HTML.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// A table with a heading.
pub(super) fn table(title: &str, columns: &[String], rows: &[Vec<String>]) -> String {
    let row = |cells: &[String], tag: &str| {
        let cells: String = cells.iter().map(|c| format!("<{tag}>{}</{tag}>", escape(c))).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let head = if columns.iter().all(String::is_empty) { String::new() } else { row(columns, "th") };
    let body: String = rows.iter().map(|r| row(r, "td")).collect();
    format!("<h2>{}</h2>\n<table>\n{head}{body}</table>\n", escape(title))
}

/// A page.
pub(super) fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n<style>\n\
         body {{ font: 16px/1.5 sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }}\n\
         table {{ border-collapse: collapse; margin: 0.5rem 0 1.5rem }}\n\
         td, th {{ border-bottom: 1px solid #ddd; padding: 0.2rem 0.9rem 0.2rem 0; text-align: left; vertical-align: top; overflow-wrap: anywhere }}\n\
         pre {{ background: #f6f6f6; padding: 1rem; overflow-x: auto }}\n\
         figure {{ margin: 1.5rem 0 }} svg, img {{ max-width: 100%; height: auto }}\n\
         figcaption {{ color: #666 }} .good {{ color: #06733a }} .bad {{ color: #a3161f }}\n\
         </style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        escape(title)
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(super::escape("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
    }
}
