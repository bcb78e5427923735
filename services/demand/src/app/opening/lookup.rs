//! What opening rows name: members, their sites, articles by the member's own code or by what all share.

use std::collections::{HashMap, HashSet};

use kit::{
    Caller, Failure,
    id::{ArticleId, GroupId, PartyId, SiteId},
};

use crate::{
    app::App,
    domain::opening::{Known, variants},
    store::opening::find_codes,
};

/// An article found, or what is nearest to it.
type Match = Result<ArticleId, Option<String>>;

/// What was looked up so far, also what was not found.
pub(super) struct Lookup {
    group: GroupId,
    parties: HashMap<String, Option<PartyId>>,
    members: HashSet<PartyId>,
    sites: HashMap<String, Option<(SiteId, PartyId)>>,
    articles: HashMap<(Option<PartyId>, String), Match>,
    /// Packs that shared references name.
    packs: HashMap<String, String>,
}

impl Lookup {
    pub(super) fn new(group: GroupId) -> Self {
        Self {
            group,
            parties: HashMap::new(),
            members: HashSet::new(),
            sites: HashMap::new(),
            articles: HashMap::new(),
            packs: HashMap::new(),
        }
    }

    /// A party by its reference.
    pub(super) fn party(&self, reference: &str) -> Option<PartyId> {
        self.parties.get(reference).copied().flatten()
    }

    /// The pack that a shared reference names; empty when it names none.
    pub(super) fn pack(&self, reference: &str) -> &str {
        self.packs.get(reference).map_or("", String::as_str)
    }

    /// What a row names.
    pub(super) fn known(&self, party: &str, site: &str, article: &str) -> Known {
        let id = self.parties.get(party).copied().flatten();
        let by_party = self.articles.get(&(id, article.to_owned()));
        let found = by_party.or_else(|| self.articles.get(&(None, article.to_owned())));
        Known {
            member: id.filter(|party| self.members.contains(party)),
            party_exists: id.is_some(),
            site: self.sites.get(site).copied().flatten(),
            article: found.and_then(|found| found.as_ref().ok().copied()),
            near: found.and_then(|found| found.as_ref().err().cloned().flatten()),
        }
    }
}

impl App {
    /// Looks up what rows (member, site, article) name and is not known yet; articles by own codes first when `own_codes`.
    pub(super) async fn look_up_opening(
        &self,
        caller: &Caller,
        lookup: &mut Lookup,
        rows: Vec<(&str, &str, &str)>,
        own_codes: bool,
    ) -> Result<(), Failure> {
        let parties = distinct(rows.iter().map(|row| row.0), |text| lookup.parties.contains_key(text));
        let sites = distinct(rows.iter().map(|row| row.1), |text| lookup.sites.contains_key(text));
        let (mut found_parties, mut found_sites) =
            tokio::try_join!(self.find_parties(lookup.group, &parties), self.find_sites(lookup.group, &sites))?;
        let ids: Vec<PartyId> = parties.iter().filter_map(|text| found_parties.get(text).copied()).collect();
        if !ids.is_empty() {
            lookup.members.extend(self.find_members(lookup.group, &ids).await?);
        }
        for text in parties {
            let found = found_parties.remove(&text);
            lookup.parties.insert(text, found);
        }
        for text in sites {
            let site = found_sites.remove(&text);
            let found = site.and_then(|site| Some((site.id.parse().ok()?, site.party_id.parse().ok()?)));
            lookup.sites.insert(text, found);
        }
        let mut wanted: Vec<(Option<PartyId>, String)> = rows
            .iter()
            .filter(|(_, _, article)| !article.is_empty())
            .map(|(party, _, article)| {
                let party = lookup.parties.get(*party).copied().flatten().filter(|_| own_codes);
                (party, (*article).to_owned())
            })
            .filter(|key| !lookup.articles.contains_key(key))
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        let matches = self.match_articles(caller, lookup, wanted).await?;
        lookup.articles.extend(matches);
        Ok(())
    }

    /// Articles by own code or by what all share; for the others what is nearest.
    async fn match_articles(
        &self,
        caller: &Caller,
        lookup: &mut Lookup,
        wanted: Vec<(Option<PartyId>, String)>,
    ) -> Result<Vec<((Option<PartyId>, String), Match)>, Failure> {
        let group = lookup.group;
        let codes: Vec<(PartyId, &str)> =
            wanted.iter().filter_map(|(party, code)| Some(((*party)?, code.as_str()))).collect();
        let (mut own, mut near) = (HashMap::new(), HashMap::new());
        if !codes.is_empty() {
            let mut tx = self.db.begin(caller).await?;
            for found in find_codes(tx.conn(), group, &codes).await? {
                let stripped = found.code.trim_start_matches('0').to_owned();
                near.insert((found.party_id, stripped), format!("votre code {}", found.code));
                own.insert((found.party_id, found.code), found.article_id);
            }
            tx.rollback().await?;
        }
        let known = |(party, code): &(Option<PartyId>, String)| own.get(&((*party)?, code.clone())).copied();
        let shared: Vec<String> =
            distinct(wanted.iter().filter(|key| known(key).is_none()).map(|key| key.1.as_str()), |_| false);
        let found = self.find_articles(group, &shared).await?;
        let packs = found.iter().filter(|(_, found)| !found.packaging_code.is_empty());
        lookup.packs.extend(packs.map(|(text, found)| (text.clone(), found.packaging_code.clone())));
        let tried: Vec<String> =
            shared.iter().filter(|text| !found.contains_key(*text)).flat_map(|text| variants(text)).collect();
        let nearest = self.find_articles(group, &tried).await?;
        let matched = |key: (Option<PartyId>, String)| {
            let shared = || found.get(&key.1).and_then(|found| found.article.as_ref()?.id.parse().ok());
            let suggested = || {
                let by_code =
                    key.0.and_then(|party| near.get(&(party, key.1.trim_start_matches('0').to_owned())).cloned());
                by_code.or_else(|| {
                    variants(&key.1).iter().find_map(|code| {
                        let article = nearest.get(code)?.article.as_ref()?;
                        Some(format!("{code}, {}", article.label))
                    })
                })
            };
            let found: Match = known(&key).or_else(shared).ok_or_else(suggested);
            (key, found)
        };
        Ok(wanted.into_iter().map(matched).collect())
    }
}

/// Texts that are not known, each once.
fn distinct<'a>(texts: impl Iterator<Item = &'a str>, known: impl Fn(&str) -> bool) -> Vec<String> {
    let mut texts: Vec<String> = texts.filter(|text| !text.is_empty() && !known(text)).map(str::to_owned).collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}
