/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/suffix.h"

#include "base/util.h"

#define AZURE "Azure gives each customer's resource a name below it"
#define BLOB "the customer chooses the storage account's name"
#define EDGE "shared edge of Azure Front Door: its customers' sites are reached under it"
#define CDN "a delivery network's customers are reached under it"
#define CLOUD "a cloud's customer chooses the name, or is given one"
#define SITES "each customer or user has a name below it"
#define WAY_OUT "made for leading out of a network: each user has a name below it"
#define LISTED "in libpsl's list; here so that a wildcard above it is seen to take it"

/*
 * What Debian 12's publicsuffix (2023-02) lacks of the places that update
 * services are served from, and, as LISTED, a few that it has: libpsl can say what
 * a name is, not what lies below one.
 */
const struct suffix suffix_table[] = {
	/* Microsoft */
	{ "blob.core.windows.net", BLOB },
	{ "file.core.windows.net", BLOB },
	{ "queue.core.windows.net", BLOB },
	{ "table.core.windows.net", BLOB },
	{ "dfs.core.windows.net", BLOB },
	{ "web.core.windows.net", BLOB },
	{ "*.web.core.windows.net", BLOB },
	{ "*.blob.storage.azure.net", BLOB },
	{ "blob.core.chinacloudapi.cn", BLOB },
	{ "blob.core.usgovcloudapi.net", BLOB },
	{ "database.windows.net", AZURE },
	{ "servicebus.windows.net", AZURE },
	{ "search.windows.net", AZURE },
	{ "redis.cache.windows.net", AZURE },
	{ "kusto.windows.net", AZURE },
	{ "*.kusto.windows.net", AZURE },
	{ "vault.azure.net", AZURE },
	{ "trafficmanager.net", "Azure Traffic Manager: the customer chooses the profile's name" },
	{ "trafficmanager.cn", "Azure Traffic Manager in China: the customer chooses the profile's name" },
	{ "azureedge.net", "Azure CDN: the customer chooses the endpoint's name" },
	{ "azurefd.net", "Azure Front Door: the customer chooses the endpoint's name" },
	{ "z01.azurefd.net", "Azure Front Door: the customer chooses the endpoint's name" },
	{ "cloudapp.azure.com", AZURE },
	{ "*.cloudapp.azure.com", AZURE },
	{ "*.cloudapp.azure.us", AZURE },
	{ "chinacloudapp.cn", AZURE },
	{ "chinacloudsites.cn", AZURE },
	{ "azurewebsites.us", AZURE },
	{ "scm.azurewebsites.net", AZURE },
	{ "documents.azure.com", AZURE },
	{ "*.batch.azure.com", AZURE },
	{ "azure-api.net", AZURE },
	{ "azure-devices.net", AZURE },
	{ "azurecr.io", AZURE },
	{ "*.azurecontainerapps.io", AZURE },
	{ "*.azmk8s.io", AZURE },
	{ "service.signalr.net", AZURE },
	{ "webpubsub.azure.com", AZURE },
	{ "communication.azure.com", AZURE },
	{ "*.communication.azure.com", AZURE },
	{ "*.ingest.monitor.azure.com", AZURE },
	{ "azure-devices-provisioning.net", AZURE },
	{ "azurehdinsight.net", AZURE },
	{ "msappproxy.net", AZURE },
	{ "onmicrosoft.com", "each Microsoft 365 tenant chooses a name below it" },
	{ "sharepoint.com", "each Microsoft 365 tenant has a site below it" },
	{ "b2clogin.com", "each Azure AD B2C tenant has a name below it" },
	{ "ciamlogin.com", "each Entra External ID tenant has a name below it" },
	{ "vo.msecnd.net", "Azure CDN's first name, still given to customers' endpoints" },
	{ "a-msedge.net", EDGE }, { "b-msedge.net", EDGE }, { "c-msedge.net", EDGE }, { "dc-msedge.net", EDGE },
	{ "e-msedge.net", EDGE }, { "k-msedge.net", EDGE }, { "l-msedge.net", EDGE }, { "s-msedge.net", EDGE },
	{ "t-msedge.net", EDGE }, { "ax-msedge.net", EDGE }, { "spo-msedge.net", EDGE }, { "fb-t-msedge.net", EDGE },
	{ "mcr-msedge.net", EDGE }, { "wac-msedge.net", EDGE }, { "exo-msedge.net", EDGE }, { "teams-msedge.net", EDGE },
	{ "nsatc.net", "a traffic manager for many companies' names" },
	{ "logic.azure.com", AZURE }, { "*.logic.azure.com", AZURE }, { "openai.azure.com", AZURE },
	{ "cognitiveservices.azure.com", AZURE }, { "mysql.database.azure.com", AZURE },
	{ "postgres.database.azure.com", AZURE }, { "mariadb.database.azure.com", AZURE },
	{ "table.cosmos.azure.com", AZURE }, { "mongo.cosmos.azure.com", AZURE }, { "azuresynapse.net", AZURE },
	{ "*.eventgrid.azure.net", AZURE }, { "azure-automation.net", AZURE }, { "*.azure-automation.net", AZURE },
	{ "azconfig.io", AZURE }, { "azuremicroservices.io", AZURE }, { "azuredatabricks.net", AZURE },
	{ "*.azuredatabricks.net", AZURE }, { "ods.opinsights.azure.com", AZURE },
	{ "oms.opinsights.azure.com", AZURE }, { "azurestaticapps.net", AZURE }, { "*.azurestaticapps.net", AZURE },
	/* Akamai: the rest of its names are in the list */
	{ "akadns6.net", "Akamai's traffic management over IPv6: customers' names" },
	{ "akamaistream.net", CDN },
	/* Others */
	{ "footprint.net", CDN }, { "c.footprint.net", CDN }, { "hwcdn.net", CDN }, { "llnwd.net", CDN },
	{ "llnwi.net", CDN }, { "llnw.net", CDN }, { "lldns.net", CDN }, { "cdn.cloudflare.net", CDN },
	{ "cloudflare.net", CDN }, { "r2.cloudflarestorage.com", CDN }, { "*.r2.cloudflarestorage.com", CDN },
	{ "edgecastcdn.net", CDN }, { "edgecastdns.net", CDN }, { "phicdn.net", CDN }, { "v0cdn.net", CDN },
	{ "omegacdn.net", CDN }, { "sigmacdn.net", CDN }, { "alphacdn.net", CDN },
	{ "systemcdn.net", CDN }, { "ourwebcdn.com", CDN }, { "b-cdn.net", CDN }, { "kxcdn.com", CDN },
	{ "stackpathcdn.com", CDN }, { "stackpathdns.com", CDN }, { "incapdns.net", CDN }, { "impervadns.net", CDN },
	{ "cdngc.net", CDN }, { "gcdn.co", CDN }, { "cachefly.net", CDN }, { "cdn20.com", CDN }, { "wscdns.com", CDN },
	{ "wsglb0.com", CDN }, { "alikunlun.com", CDN }, { "fastly.net", CDN }, { "wixdns.net", CDN },
	{ "*.backblazeb2.com", "buckets, whose names the customer chooses" },
	{ "*.wasabisys.com", "buckets, whose names the customer chooses" },
	{ "storage.googleapis.com", "buckets, whose names the customer chooses" },
	/* Clouds and sites of customers or users */
	{ "execute-api.*.amazonaws.com", CLOUD }, { "lambda-url.*.on.aws", CLOUD },
	{ "appsync-api.*.amazonaws.com", CLOUD }, { "es.amazonaws.com", CLOUD }, { "*.es.amazonaws.com", CLOUD },
	{ "*.rds.amazonaws.com", CLOUD }, { "auth.*.amazoncognito.com", CLOUD }, { "googleusercontent.com", CLOUD },
	{ "firebaseio.com", CLOUD }, { "*.firebasedatabase.app", CLOUD },
	{ "objectstorage.*.oraclecloud.com", CLOUD }, { "aliyuncs.com", CLOUD }, { "*.aliyuncs.com", CLOUD },
	{ "myqcloud.com", CLOUD }, { "*.myqcloud.com", CLOUD }, { "cos.*.myqcloud.com", CLOUD },
	{ "bcebos.com", CLOUD }, { "*.bcebos.com", CLOUD },
	{ "clouddn.com", CLOUD },
	{ "surge.sh", SITES }, { "webflow.io", SITES }, { "weebly.com", SITES }, { "wordpress.com", SITES },
	{ "tumblr.com", SITES }, { "github.dev", SITES }, { "gitpod.io", SITES }, { "*.gitpod.io", SITES },
	{ "sentry.io", SITES }, { "ingest.sentry.io", SITES }, { "*.ingest.sentry.io", SITES },
	{ "my.salesforce.com", SITES }, { "okta.com", SITES }, { "oktapreview.com", SITES }, { "auth0.com", SITES },
	{ "*.auth0.com", SITES }, { "zendesk.com", SITES }, { "atlassian.net", SITES }, { "slack.com", SITES },
	{ "powerappsportals.com", SITES }, { "sharepoint.us", SITES }, { "sharepoint.cn", SITES },
	{ "ngrok-free.app", WAY_OUT }, { "ngrok.app", WAY_OUT }, { "ngrok.dev", WAY_OUT },
	{ "cfargotunnel.com", WAY_OUT }, { "nip.io", WAY_OUT }, { "sslip.io", WAY_OUT }, { "oastify.com", WAY_OUT },
	{ "interact.sh", WAY_OUT }, { "burpcollaborator.net", WAY_OUT }, { "webhook.site", WAY_OUT },
	{ "pipedream.net", WAY_OUT }, { "m.pipedream.net", WAY_OUT }, { "requestcatcher.com", WAY_OUT },
	{ "dnslog.cn", WAY_OUT }, { "ceye.io", WAY_OUT }, { "duckdns.org", WAY_OUT },
	{ "trycloudflare.com", WAY_OUT },
	/* Below names that are no suffix themselves */
	{ "a.prod.fastly.net", LISTED }, { "global.prod.fastly.net", LISTED }, { "map.fastly.net", LISTED },
	{ "freetls.fastly.net", LISTED }, { "a.ssl.fastly.net", LISTED }, { "global.ssl.fastly.net", LISTED },
	{ "s3.amazonaws.com", LISTED }, { "*.compute-1.amazonaws.com", LISTED }, { "*.elb.amazonaws.com", LISTED },
	{ "*.compute.amazonaws.com", LISTED }, { "s3.cn-north-1.amazonaws.com.cn", LISTED },
	{ "c.cdn77.org", LISTED }, { "rsc.cdn77.org", LISTED }, { "ssl.origin.cdn77-secure.org", LISTED },
};

const size_t suffix_table_len = ARRAY_SIZE(suffix_table);
