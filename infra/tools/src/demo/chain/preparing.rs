//! The census, and the consultation drawn up from it.

use anyhow::{bail, ensure};
use serde_json::{Value, json};

use super::{Chain, list, text};
use crate::demo::tables::Row;

impl Chain<'_> {
    /// Opens the census and takes every member's needs: of the first member one by one and as a batch too, then a file each.
    ///
    /// # Errors
    /// When something is refused that should not be.
    pub async fn census_answered(&mut self) -> anyhow::Result<Value> {
        let (base, census) = (self.base(), self.census);
        let body = json!({ "kind": "CENSUS", "title": census.text("title"), "period_months": census.text("period_months").parse::<i64>()?,
            "opens_at": format!("{}T00:00:00Z", census.text("opens_on")), "closes_at": format!("{}T15:00:00Z", census.text("closes_on")) });
        let round = self.api.post(self.officer(), &format!("{base}/rounds"), &self.named("census"), &body).await?;
        text(&round, "id")?.clone_into(&mut self.round);
        let mut last = round;
        let mut alone = true;
        for (party, rows) in self.data.by("census_needs.csv", "party_key") {
            let rows: Vec<Row<'_>> =
                rows.into_iter().filter(|row| row.text("census_key") == census.text("key")).collect();
            if rows.is_empty() {
                continue;
            }
            let (one, rest) = rows.split_at(usize::from(alone));
            let (batch, file) = rest.split_at(if alone { rest.len().min(3) } else { 0 });
            alone = false;
            last = self.state(party, one, batch, file).await?;
        }
        Ok(last)
    }

    async fn state(&self, party: &str, one: &[Row<'_>], batch: &[Row<'_>], file: &[Row<'_>]) -> anyhow::Result<Value> {
        let login = &self.people.requesters[&(self.group().to_owned(), party.to_owned())];
        let path = format!("{}/rounds/{}/needs", self.base(), self.round);
        let query = format!("party_id={}", self.ids.parties[party]);
        let need = |row: &Row<'_>| {
            json!({ "site": self.ids.sites[row.text("site_key")], "article": self.ids.articles[row.text("article_key")],
                "packaging_code": row.text("packaging_code"), "quantity": row.text("quantity").parse::<i64>().unwrap_or_default(),
                "reference": row.text("reference"), "commitment": row.text("commitment") })
        };
        let mut last = Value::Null;
        for row in one {
            let key = self.named(&format!("census need/{}", row.text("reference")));
            last = self.api.post(login, &format!("{path}?{query}"), &key, &need(row)).await?;
        }
        if !batch.is_empty() {
            let key = self.named(&format!("census batch/{party}"));
            let body = Value::Array(batch.iter().map(need).collect());
            last = self.api.post(login, &format!("{path}/batch?{query}"), &key, &body).await?;
        }
        if !file.is_empty() {
            let mut csv = String::from("site;article;conditionnement;quantité;référence de ligne;engagement\r\n");
            for row in file {
                let cells = [
                    self.ids.sites[row.text("site_key")].as_str(),
                    self.ids.articles[row.text("article_key")].as_str(),
                    row.text("packaging_code"),
                    row.text("quantity"),
                    row.text("reference"),
                    row.text("commitment"),
                ];
                csv.push_str(&(cells.join(";") + "\r\n"));
            }
            last = self.api.try_post_csv(login, &format!("{path}/file?{query}"), csv.into_bytes()).await??;
        }
        Ok(last)
    }

    /// Closes and consolidates the census, shows that it cannot be planned, draws the consultation up, shows what a draft lacks,
    /// and completes it.
    ///
    /// # Errors
    /// When something is refused that should not be, or accepted that should not be.
    pub async fn drawn_up(&mut self) -> anyhow::Result<Value> {
        let (base, officer, round) = (self.base(), self.officer(), self.round.clone());
        let path = format!("{base}/rounds/{round}");
        self.api.post(officer, &format!("{path}/close"), &self.named("census close"), &json!({})).await?;
        let key = self.named("census consolidate");
        let snapshot = self.api.post(officer, &format!("{path}/consolidate"), &key, &json!({})).await?;
        text(&snapshot, "id")?.clone_into(&mut self.snapshot);
        let snapshots = format!("{base}/snapshots/{}", self.snapshot);
        match self.api.try_post(officer, &format!("{snapshots}/plan"), &self.named("census plan"), &json!({})).await? {
            Ok(plan) => bail!("a census was planned: {plan}"),
            Err(refusal) => {
                self.note(format!("Commande refusée : {}", refusal.problem["detail"].as_str().unwrap_or_default()))
            }
        }
        let terms = format!(
            "duration_months={}&margin_percent={}",
            self.row.text("duration_months"),
            self.row.text("margin_percent")
        );
        self.draft = self.api.get(officer, &format!("{snapshots}/consultation-draft?{terms}")).await?;
        let unpriced = list(&self.draft, "articles_without_price")?.len();
        if unpriced > 0 {
            self.note(format!("{unpriced} article(s) du recensement sans prix de référence : estimés à zéro"));
        }
        let created = self
            .api
            .post(officer, &format!("{base}/consultations"), &self.named("consultation"), &self.draft["consultation"])
            .await?;
        text(&created, "id")?.clone_into(&mut self.consultation);
        ensure!(created["census"]["sha256"] == snapshot["sha256"], "the consultation knows its census: {created}");
        let lacking = self.api.get(officer, &format!("{}/publication", self.consultation_path())).await?;
        let rules: Vec<&str> = list(&lacking, "missing")?.iter().filter_map(|one| one["rule"].as_str()).collect();
        // Told once: a step done again finds its draft completed.
        if !rules.is_empty() {
            let rules = rules.join(", ");
            self.note(format!("Publication impossible du brouillon tel quel, il manque : {rules}"));
        }
        let path = self.consultation_path();
        self.api.post(officer, &path, &self.named("revise"), &self.completed()?).await
    }

    /// What the officer decides beyond the draft.
    fn completed(&self) -> anyhow::Result<Value> {
        let mut content = self.draft["consultation"].clone();
        let criteria: Vec<Value> = self
            .data
            .table("criteria.csv")
            .rows()
            .filter(|row| row.text("consultation_key") == self.key())
            .map(|row| {
                json!({ "key": row.text("criterion_key"), "title": row.text("title"), "kind": row.text("kind"),
                    "weight": row.text("weight").parse::<i64>().unwrap_or_default() })
            })
            .collect();
        for (field, value) in [
            ("title", json!(self.row.text("title"))),
            ("procedure", json!(self.row.text("procedure"))),
            ("deadline", json!(self.row.text("deadline"))),
            ("opener_key", json!(self.opener.to_public().to_string())),
            ("criteria", json!(criteria)),
            ("price_formula", json!("PMIN_OVER_P")),
            ("tie_rule", json!("BEST_ENVIRONMENT")),
        ] {
            content[field] = value;
        }
        Ok(content)
    }

    /// Publishes, and shows that nothing is opened before the deadline.
    ///
    /// # Errors
    /// As [`Chain::step`].
    pub async fn published(&mut self) -> anyhow::Result<Value> {
        let (path, officer) = (self.consultation_path(), self.officer());
        let published = self.api.post(officer, &format!("{path}/publish"), &self.named("publish"), &json!({})).await?;
        match self.api.try_post(officer, &format!("{path}/open"), &self.named("open early"), &self.identity()).await? {
            Ok(opened) => bail!("opened before the deadline: {opened}"),
            Err(refusal) => {
                ensure!(refusal.problem["code"] == "OPENING_TOO_EARLY", "{refusal}");
                self.note(format!("Ouverture refusée : {}", refusal.problem["detail"].as_str().unwrap_or_default()));
            }
        }
        self.facts.insert("consultations", 1);
        Ok(published)
    }

    /// Tells something once.
    pub(super) fn note(&mut self, text: String) {
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }
}
