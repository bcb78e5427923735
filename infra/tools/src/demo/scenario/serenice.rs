//! `serenice`: a GIE of radiologists, private and hospital, from 80 members to 1,000. A bouquet of services of which the purchasing
//! service is one, a charter signed on joining, a label of three levels, and one pooled order of the practices.
//!
//! Its own files, beside those of a season: `services.csv`, `practitioners.csv`, `subscriptions.csv`, `charter.md`,
//! `label_criteria.csv`, `label_levels.csv`, `audits.csv`, `growth.csv` (a members file as a secretary fills it in).

use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kit::french::{euros, grouped};
use serde_json::{Value, json};

use super::{Cast, Shown, Stage};
use crate::demo::{
    season::{text, whole},
    setup::ADMIN,
    tables::{Faults, Table},
};

const GROUP: &str = "serenice";
const OFFICER: &str = "acheteur.serenice";
/// Since when the group has charter, label and services.
const FOUNDED: &str = "2022-01-03";
/// Those who join one by one; the others of the first day join by file.
const ONE_BY_ONE: usize = 5;
/// Requests under way at once.
const AT_ONCE: usize = 6;

/// Runs it.
///
/// # Errors
/// When something is refused that should not be, or accepted that should not be.
pub async fn run(stage: &Stage<'_>) -> anyhow::Result<Vec<Shown>> {
    let cast = stage.load().await?;
    let play = Play { stage, base: format!("/v1/groups/{}", cast.ids.groups[GROUP]), cast: &cast };
    let mut shown = vec![play.charter().await?];
    shown.push(play.join().await?);
    shown.extend(play.services().await?);
    shown.extend(play.hospitals().await?);
    shown.extend(play.label().await?);
    shown.push(play.public().await?);
    shown.extend(play.growth().await?);
    shown.extend(play.purchases().await?);
    Ok(shown)
}

struct Play<'a> {
    stage: &'a Stage<'a>,
    base: String,
    cast: &'a Cast,
}

impl Play<'_> {
    fn table(&self, file: &'static str, columns: &[&str]) -> anyhow::Result<Table> {
        let mut faults = Faults::default();
        let table = Table::read(&self.stage.dir, file, columns, &mut faults);
        ensure!(faults.0.is_empty(), "{}", faults.0.join("\n"));
        Ok(table)
    }

    async fn post(&self, path: &str, key: &str, body: &Value) -> anyhow::Result<Value> {
        self.stage.api.post(OFFICER, &format!("{}{path}", self.base), key, body).await
    }

    async fn list(&self, path: &str, field: &str) -> anyhow::Result<Vec<Value>> {
        self.stage.api.list(OFFICER, &format!("{}{path}", self.base), field).await
    }

    /// Publishes the charter and the label's criteria: data, both.
    async fn charter(&self) -> anyhow::Result<Shown> {
        let text_of = fs::read_to_string(self.stage.dir.join("charter.md"))?;
        let body =
            json!({ "title": "Charte FICTIVE des radiologues engagés", "text": text_of.trim(), "valid_from": FOUNDED });
        let charter = self.post("/charters", "charter", &body).await?;
        let criteria: Vec<Value> = self
            .table("label_criteria.csv", &["key", "title", "axis", "points"])?
            .rows()
            .map(|row| {
                json!({ "key": row.text("key"), "title": row.text("title"), "axis": row.text("axis"),
                    "points": row.text("points").parse::<i32>().unwrap_or(0) })
            })
            .collect();
        let number = |text: &str| text.parse::<i32>().unwrap_or(0);
        let levels: Vec<Value> = self
            .table("label_levels.csv", &["level", "name", "territory_percent", "team_percent"])?
            .rows()
            .map(|row| {
                json!({ "level": number(row.text("level")), "name": row.text("name"),
                    "territory_percent": number(row.text("territory_percent")), "team_percent": number(row.text("team_percent")) })
            })
            .collect();
        let scheme = json!({ "valid_from": FOUNDED, "first_audit_months": 24, "audit_months": 24, "retry_months": 12,
            "partly_percent": 50, "criteria": criteria, "levels": levels });
        self.post("/label-schemes", "scheme", &scheme).await?;
        Ok(Shown::new(
            "Charte et critères",
            format!(
                "charte version {}, label de {} niveaux sur {} critères : des données, datées et versionnées",
                charter["version"],
                levels.len(),
                criteria.len()
            ),
        ))
    }

    /// Some join one by one, the others by a file that an officer sends; joining signs the charter.
    async fn join(&self) -> anyhow::Result<Shown> {
        let table = self.table(
            "practitioners.csv",
            &["rpps", "name", "email", "joined_on", "charter_signed_on", "place", "party_key"],
        )?;
        let rows: Vec<_> = table.rows().collect();
        let (single, filed) = rows.split_at(ONE_BY_ONE);
        for row in single {
            let mut one = json!({ "rpps": row.text("rpps"), "name": row.text("name"), "email": row.text("email"),
                "joined_on": row.text("joined_on"),
                "attachments": [{ "party_id": format!("key:{}", row.text("party_key")), "kind": row.text("place") }] });
            let key = format!("join/{}", row.text("rpps"));
            let path = format!("{}/practitioners", self.base);
            let unsigned = self.stage.api.try_post(OFFICER, &path, &key, &json!({ "practitioners": [one] })).await?;
            ensure!(unsigned.is_err(), "a radiologist joined without signing the charter");
            one["charter_signed_on"] = json!(row.text("charter_signed_on"));
            self.post("/practitioners", &format!("{key}/signed"), &json!({ "practitioners": [one] })).await?;
        }
        let mut file = String::from("rpps;nom;courriel;adhesion;charte signee le;lieu d'exercice;etablissement\r\n");
        for row in filed {
            let place = if row.text("place") == "HOSPITAL" { "HOPITAL" } else { "CABINET" };
            let cells = ["rpps", "name", "email", "joined_on", "charter_signed_on"].map(|column| row.text(column));
            file.push_str(&format!("{};{place};{}\r\n", cells.join(";"), row.text("party_key")));
        }
        let report = self.file(OFFICER, "", file.into_bytes()).await?;
        ensure!(whole(&report, "practitioners_added")? == i64::try_from(filed.len())?, "{report}");
        let all = self.list("/practitioners", "practitioners").await?;
        ensure!(all.len() == rows.len() && all.iter().all(|one| one["charter_version"] == 1), "{} members", all.len());
        let hospital = rows.iter().filter(|row| row.text("place") == "HOSPITAL").count();
        Ok(Shown::new(
            "Adhésion",
            format!(
                "{} radiologues, {} en cabinet et {hospital} à l'hôpital : {ONE_BY_ONE} un par un, {} par fichier ; adhérer, c'est signer la charte",
                all.len(),
                all.len() - hospital,
                filed.len()
            ),
        ))
    }

    async fn file(&self, login: &str, query: &str, bytes: Vec<u8>) -> anyhow::Result<Value> {
        let path = format!("{}/members/file{query}", self.base);
        Ok(self.stage.api.try_post_csv(login, &path, bytes).await??)
    }

    /// Services are offered by partners and subscribed to; notice ends them when term and notice allow.
    async fn services(&self) -> anyhow::Result<Vec<Shown>> {
        let number = |text: &str| text.parse::<i64>().unwrap_or(0);
        let columns = [
            "key",
            "name",
            "provider_party_key",
            "price_unit",
            "price_cents",
            "term_months",
            "notice_months",
            "offered_from",
        ];
        let services: Vec<Value> = self
            .table("services.csv", &columns)?
            .rows()
            .map(|row| {
                json!({ "key": row.text("key"), "name": row.text("name"),
                    "provider_id": format!("key:{}", row.text("provider_party_key")), "price_unit": row.text("price_unit"),
                    "price_cents": number(row.text("price_cents")), "term_months": number(row.text("term_months")),
                    "notice_months": number(row.text("notice_months")), "offered_from": row.text("offered_from") })
            })
            .collect();
        self.post("/services", "services", &json!({ "services": services })).await?;
        let table = self.table("subscriptions.csv", &["rpps", "service_key", "starts_on"])?;
        let wanted: Vec<_> = table
            .rows()
            .map(|row| {
                let key = format!("subscribe/{}/{}", row.text("rpps"), row.text("service_key"));
                let body = json!({ "practitioner_id": format!("rpps:{}", row.text("rpps")),
                    "service_id": format!("key:{}", row.text("service_key")), "starts_on": row.text("starts_on") });
                (key, body)
            })
            .collect();
        let made: Vec<Value> =
            stream::iter(wanted.iter().map(|(key, body)| async move { self.post("/subscriptions", key, body).await }))
                .buffer_unordered(AT_ONCE)
                .try_collect()
                .await?;
        let listed = self.list("/services", "services").await?;
        let counts: Vec<String> = listed
            .iter()
            .map(|service| Ok(format!("{} {}", text(service, "name")?, whole(service, "subscriber_count")?)))
            .collect::<anyhow::Result<_>>()?;
        let notice = self.list("/subscriptions", "subscriptions").await?;
        let bound = notice
            .iter()
            .filter(|one| one["term_ends_on"].is_string())
            .max_by_key(|one| one["term_ends_on"].as_str())
            .context("no subscription has a term")?;
        let body = json!({ "subscription_id": text(bound, "id")?, "dry_run": true });
        let asked = self.post("/subscriptions/terminate", "notice", &body).await?;
        ensure!(asked["subscription"]["ends_on"] == bound["term_ends_on"], "notice does not hold to the term: {asked}");
        Ok(vec![
            Shown::new("Bouquet de services", format!("{} abonnements : {}", made.len(), counts.join(", "))),
            Shown::new("Préavis, avant de confirmer", text(&asked["reason"], "text")?),
        ])
    }

    /// A radiologist's hospital buys only by its own route.
    async fn hospitals(&self) -> anyhow::Result<Vec<Shown>> {
        let lot = &self.cast.ids.lots[&("ser-imagerie".to_owned(), "1".to_owned())];
        let asked = async |party: &str| {
            let party = &self.cast.ids.parties[party];
            self.stage.api.get(OFFICER, &format!("{}/entitlements?party_id={party}&lot_id={lot}", self.base)).await
        };
        let brest = asked("brest").await?;
        ensure!(brest["allowed"] == false, "the hospital of radiologists may buy: {brest}");
        let party = &self.cast.ids.parties["brest"];
        let there = self.list(&format!("/practitioners?party_id={party}"), "practitioners").await?;
        let served = self.list("/subscriptions", "subscriptions").await?;
        let ids: Vec<&Value> = there.iter().map(|one| &one["id"]).collect();
        let served = served.iter().filter(|one| ids.contains(&&one["practitioner_id"])).count();
        ensure!(!there.is_empty() && served > 0, "nobody is served at the hospital");
        let morlaix = asked("morlaix").await?;
        ensure!(morlaix["allowed"] == true, "the associate that is named may not buy: {morlaix}");
        Ok(vec![
            Shown::new(
                "Hôpital de radiologues membres",
                format!(
                    "{} radiologues, {served} abonnements ; mais {} ({})",
                    there.len(),
                    text(&brest["reason"], "text")?,
                    text(&brest["reason"], "rule")?
                ),
            ),
            Shown::new("Hôpital par sa propre voie", text(&morlaix["reason"], "text")?),
        ])
    }

    /// Audits, criterion by criterion: each outcome occurs, and the rest falls due by date.
    async fn label(&self) -> anyhow::Result<Vec<Shown>> {
        let criteria: Vec<String> = self
            .table("label_criteria.csv", &["key", "title", "axis", "points"])?
            .rows()
            .map(|row| row.text("key").to_owned())
            .collect();
        let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
        let mut lowered = String::new();
        for row in self.table("audits.csv", &["rpps", "held_on", "findings"])?.rows() {
            let findings: Vec<Value> = criteria
                .iter()
                .zip(row.text("findings").chars())
                .map(|(criterion, letter)| {
                    let verdict = match letter {
                        'M' => "MET",
                        'P' => "PARTLY",
                        _ => "NOT_MET",
                    };
                    let evidence = if letter == 'N' {
                        String::new()
                    } else {
                        format!("Pièce FICTIVE {criterion} {}", row.text("held_on"))
                    };
                    json!({ "criterion": criterion, "verdict": verdict, "evidence": evidence })
                })
                .collect();
            let body = json!({ "practitioner_id": format!("rpps:{}", row.text("rpps")), "held_on": row.text("held_on"),
                "held_by": "Commission qualité FICTIVE", "findings": findings });
            let key = format!("audit/{}/{}", row.text("rpps"), row.text("held_on"));
            let audit = self.post("/label-audits", &key, &body).await?;
            let outcome = text(&audit, "outcome")?.to_owned();
            if outcome == "LOWERED" && lowered.is_empty() {
                text(&audit["reason"], "text")?.clone_into(&mut lowered);
            }
            *outcomes.entry(outcome).or_default() += 1;
        }
        for outcome in ["GIVEN", "RENEWED", "RAISED", "LOWERED", "WITHDRAWN", "NOT_GIVEN"] {
            ensure!(outcomes.contains_key(outcome), "no audit is {outcome}");
        }
        let due = self.list("/label-audits/due", "practitioners").await?;
        ensure!(
            due.windows(2).all(|pair| pair[0]["audit_due_on"].as_str() <= pair[1]["audit_due_on"].as_str()),
            "not by date"
        );
        let first = due.first().context("no audit is due")?;
        let french = [
            ("GIVEN", "attribués"),
            ("RENEWED", "renouvelés"),
            ("RAISED", "relevés"),
            ("LOWERED", "abaissés"),
            ("WITHDRAWN", "retirés"),
            ("NOT_GIVEN", "non attribués"),
        ];
        let counts: Vec<String> =
            french.iter().map(|(outcome, word)| format!("{} {word}", outcomes[*outcome])).collect();
        let signed = text(first, "id")?;
        let poster =
            self.stage.api.get(OFFICER, &format!("{}/charters/poster?practitioner_id={signed}", self.base)).await?;
        ensure!(poster.as_str().is_some_and(|pdf| pdf.starts_with("%PDF")), "no poster");
        Ok(vec![
            Shown::new(
                "Audits, critère par critère",
                format!("{} : {}", outcomes.values().sum::<usize>(), counts.join(", ")),
            ),
            Shown::new("Un niveau abaissé s'explique", lowered),
            Shown::new(
                "Audits à échéance",
                format!("{} à ce jour, par date ; le premier depuis le {}", due.len(), text(first, "audit_due_on")?),
            ),
            Shown::new("Affiche de la charte signée", "PDF, A3, avec la signature et le niveau de l'adhérent"),
        ])
    }

    /// Who holds which level is public: no login, no script.
    async fn public(&self) -> anyhow::Result<Shown> {
        let api = self.stage.api;
        let label: Value = serde_json::from_str(
            &api.page(&api.link(&format!("/v1/public/groups/{GROUP}/label?page_size=500"))).await?,
        )?;
        let holders = label["holders"].as_array().context("holders")?;
        ensure!(!holders.is_empty(), "nobody holds the label");
        let page = api.page(&api.link(&format!("/label/{GROUP}"))).await?;
        let name = holders[0]["name"].as_str().context("name")?;
        ensure!(page.contains(name) && !page.contains("<script"), "the public page");
        ensure!(!label.to_string().contains("rpps"), "more than what is public");
        let counts: Vec<String> = label["counts"]
            .as_array()
            .context("counts")?
            .iter()
            .map(|count| Ok(format!("{} {}", whole(count, "count")?, text(count, "name")?)))
            .collect::<anyhow::Result<_>>()?;
        Ok(Shown::new("Public, sans compte", format!("{} porteurs du label : {}", holders.len(), counts.join(", "))))
    }

    /// Up to 1,000 by file: faults all at once, a dry run, the load, and the same file again.
    async fn growth(&self) -> anyhow::Result<Vec<Shown>> {
        let file = fs::read_to_string(self.stage.dir.join("growth.csv"))?;
        let spoilt: String = file
            .lines()
            .take(4)
            .enumerate()
            .map(|(row, line)| match row {
                1 => line.replacen("00000000081", "8,1E+01", 1) + "\r\n",
                2 => line.replacen("00061001400011", "00061001400012", 1) + "\r\n",
                3 => line.replacen("CABINET", "GARAGE", 1) + "\r\n",
                _ => line.to_owned() + "\r\n",
            })
            .collect();
        let path = format!("{}/members/file", self.base);
        let Err(refusal) = self.stage.api.try_post_csv(ADMIN, &path, spoilt.into_bytes()).await? else {
            anyhow::bail!("a faulty members file was accepted")
        };
        let faults: Vec<String> = refusal.problem["errors"]
            .as_array()
            .context("errors")?
            .iter()
            .map(|fault| format!("ligne {} {}", fault["row"], fault["column"].as_str().unwrap_or_default()))
            .collect();
        ensure!(faults.len() == 3, "faults: {faults:?}");
        let dry = self.file(ADMIN, "?dry_run=true", file.clone().into_bytes()).await?;
        let done = self.file(ADMIN, "", file.clone().into_bytes()).await?;
        ensure!(dry["practitioners_added"] == done["practitioners_added"], "the dry run said otherwise: {dry}");
        let again = self.file(ADMIN, "", file.into_bytes()).await?;
        ensure!(whole(&again, "unchanged")? == whole(&done, "practitioners_added")?, "{again}");
        let all = self.list("/practitioners", "practitioners").await?;
        ensure!(all.len() == 1_000, "{} radiologists", all.len());
        let members = self.list("/members", "members").await?;
        let newcomer = members
            .iter()
            .find(|member| member["name"].as_str().is_some_and(|name| name.starts_with("Imagerie FICTIVE")))
            .context("no new practice")?;
        let lot = &self.cast.ids.lots[&("ser-imagerie".to_owned(), "1".to_owned())];
        let path = format!("{}/entitlements?party_id={}&lot_id={lot}", self.base, text(newcomer, "party_id")?);
        let late = self.stage.api.get(OFFICER, &path).await?;
        ensure!(late["allowed"] == false && late["reason"]["rule"] == "BENEFICIARY_NOT_NAMED", "{late}");
        Ok(vec![
            Shown::new("Fichier fautif", format!("refusé en entier, tout d'un coup : {}", faults.join(" ; "))),
            Shown::new(
                "De 80 à 1 000 par fichier",
                format!(
                    "{} radiologues, {} cabinets, {} sites ; le même fichier encore : {} lignes inchangées",
                    whole(&done, "practitioners_added")?,
                    whole(&done, "parties_added")?,
                    whole(&done, "sites_added")?,
                    whole(&again, "unchanged")?
                ),
            ),
            Shown::new("Cabinet arrivé après", text(&late["reason"], "text")?),
        ])
    }

    /// The practices buy contrast media, consumables and maintenance together; everything is delivered to them directly.
    async fn purchases(&self) -> anyhow::Result<Vec<Shown>> {
        let season = Box::pin(self.stage.season(self.cast, GROUP)).await?;
        let deliveries = self.list("/deliveries", "deliveries").await?;
        ensure!(deliveries.iter().all(|one| one["route"] == "DIRECT"), "a delivery went by a platform");
        let facts = &season.facts;
        ensure!(facts["amount_ordered_cents"] == facts["sum_of_shares_cents"], "the shares do not add up");
        Ok(vec![
            Shown::new(
                "Achats groupés",
                format!(
                    "{} lignes de besoin, {} commandes (contraste, consommables, maintenance), {} bons de commande : {}, gain {}",
                    facts["need_lines"],
                    facts["pooled_orders"],
                    facts["order_forms"],
                    euros(facts["amount_ordered_cents"]),
                    euros(facts["savings_cents"])
                ),
            ),
            Shown::new(
                "Livraison directe",
                format!(
                    "{} livraisons, toutes du fournisseur à l'acheteur ; {} unités certifiées",
                    deliveries.len(),
                    grouped(facts["certified_units"])
                ),
            ),
        ])
    }
}
