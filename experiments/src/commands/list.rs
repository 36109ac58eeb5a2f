//! `experiment list`.

use flowmap_datasets::problem::ProblemConfig;
use flowmap_datasets::problem::ode::zoo;
use flowmap_models::config::MODELS;
use flowmap_solvers::config::{FLOW_METHODS, METHODS, STOCHASTIC_METHODS};

use super::print;
use crate::cli::Catalogue;
use crate::error::Error;
use crate::metric::METRICS;

/// Prints what there is.
///
/// # Errors
/// Never.
pub fn list(what: Option<Catalogue>) -> Result<(), Error> {
    let all = [
        (Catalogue::Problems, "problems"),
        (Catalogue::Solvers, "solvers"),
        (Catalogue::Models, "models"),
        (Catalogue::Metrics, "metrics"),
        (Catalogue::Configs, "configs"),
    ];
    for (catalogue, title) in all {
        match what {
            Some(wanted) if wanted != catalogue => continue,
            None => print(&format!("{title}:")),
            Some(_) => {}
        }
        for (name, text) in rows(catalogue) {
            print(&format!("  {name:<36} {text}"));
        }
    }
    Ok(())
}

fn rows(catalogue: Catalogue) -> Vec<(String, String)> {
    let fixed = |rows: &[(&str, &str)]| -> Vec<_> {
        rows.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    match catalogue {
        Catalogue::Problems => {
            let named = ProblemConfig::all().into_iter().map(|p| {
                let equation = p.build().map_or(String::new(), |b| b.equation().to_owned());
                (p.name().to_owned(), equation)
            });
            let flows = zoo::systems().map(|s| {
                (
                    format!("chaotic_flow: {}", s.name()),
                    format!("{}; λ₁ = {}", s.equation(), s.lyapunov_exponent()),
                )
            });
            named.chain(flows).collect()
        }
        Catalogue::Solvers => [fixed(METHODS), fixed(STOCHASTIC_METHODS), fixed(FLOW_METHODS)].concat(),
        Catalogue::Models => fixed(MODELS),
        Catalogue::Metrics => fixed(METRICS),
        Catalogue::Configs => configs(),
    }
}

/// The configs in `configs/` of the working directory, with their descriptions.
fn configs() -> Vec<(String, String)> {
    let mut rows: Vec<_> = std::fs::read_dir("configs")
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .map(|path| {
            let table: toml::Table =
                std::fs::read_to_string(&path).ok().and_then(|t| toml::from_str(&t).ok()).unwrap_or_default();
            let text = table.get("description").and_then(|d| d.as_str()).unwrap_or_default().to_owned();
            (path.display().to_string(), text)
        })
        .collect();
    rows.sort();
    rows
}
