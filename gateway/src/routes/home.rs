//! The front page: what this is, in French.

use axum::{extract::State, response::Html};

use super::clock::{self, Clock};
use crate::{App, texts::moment};

/// A short page with the ways in.
pub async fn page(State(app): State<App>) -> Html<String> {
    let clock = clock::for_pages(&app).await;
    Html(PAGE.replace("{clock}", &escape(&note(clock.as_ref()))))
}

/// The clock in words: a moved one must not be taken for real time.
fn note(clock: Option<&Clock>) -> String {
    let general = "L'heure métier (clôtures, délais, dates d'effet) est celle de la base de données";
    let Some(clock) = clock else { return format!("{general}. Elle n'est pas connue pour l'instant.") };
    let now = moment(&clock.now).unwrap_or_else(|| clock.now.clone());
    if clock.offset_s == 0 {
        return format!("{general} : {now}.");
    }
    let direction = if clock.offset_s > 0 { "avance" } else { "retard" };
    let minutes = clock.offset_s.unsigned_abs() / 60;
    let (days, hours, minutes) = (minutes / 1_440, minutes % 1_440 / 60, minutes % 60);
    format!(
        "Démonstration. {general}, déplacée exprès : {now}, en {direction} de {days} j {hours} h {minutes} min sur l'heure réelle."
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const PAGE: &str = r#"<!doctype html>
<html lang="fr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Centrale</title>
<style>
body { font: 1.05rem/1.6 system-ui, sans-serif; color: #1d2733; max-width: 42rem; margin: 3rem auto; padding: 0 1.25rem }
h1 { font-size: 1.9rem; margin-bottom: .2rem }
a { color: #0b5c8a }
.note { border-left: 4px solid #0b5c8a; padding: .2rem 1rem; background: #eef5f9 }
</style>
</head>
<body>
<h1>Centrale</h1>
<p>L'achat groupé des établissements de santé : les besoins de chacun, commandés ensemble au prix du groupe, reçus, répartis
et livrés, chaque unité et chaque centime expliqués.</p>
<ul>
<li><a href="/docs">Documentation de l'interface</a> (OpenAPI 3.1, <a href="/openapi.json">openapi.json</a>)</li>
<li><a href="/health/ready">État des services</a></li>
<li><a href="/.well-known/openid-configuration">Connexion (OpenID Connect)</a></li>
</ul>
<p class="note">{clock}</p>
</body>
</html>
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_carry_markup() {
        assert_eq!(escape("<b>\"&"), "&lt;b&gt;&quot;&amp;");
        assert_eq!(PAGE.matches("{clock}").count(), 1);
    }

    #[test]
    fn a_moved_clock_is_announced() {
        let at = |offset_s| note(Some(&Clock { now: "2026-03-02T08:00:00.000000Z".into(), offset_s }));
        assert!(at(0).contains("02/03/2026 à 08:00 UTC") && !at(0).contains("Démonstration"));
        assert!(at(93_600).contains("en avance de 1 j 2 h 0 min"));
        assert!(at(-60).contains("en retard de 0 j 0 h 1 min"));
        assert!(note(None).contains("pas connue"));
    }
}
