package main

// variableRows read secrets of the caller's environment that are passed by --env-pass '*'.
var variableRows = []row{
	variable("name", "by their names", "DB_PW={MARKER}", "MYSQL_ROOT_PW={MARKER}", "PGPASS={MARKER}", "CONNECTION_STRING={MARKER}", "ConnectionStrings__Default={MARKER}",
		"AzureWebJobsStorage={MARKER}", "DISCORD_WEBHOOK={MARKER}", "SMTP_CRED={MARKER}", "BASICAUTH={MARKER}", "WALLET_MNEMONIC={MARKER}", "SEED_PHRASE={MARKER}", "GCP_SA_JSON={MARKER}", "dbPassword={MARKER}"),
	variable("value", "by their values", "JDBC_URL=jdbc:postgresql://db/x?user=u&password={MARKER}", "DB=Server=db;Password={MARKER};", "QUEUE=Endpoint=sb://x/;SharedAccessKey={MARKER}",
		"CERT=-----BEGIN PRIVATE KEY-----{MARKER}", `ACCOUNT={"private_key": "{MARKER}"}`, "HOOK=https://hooks.slack.com/services/{MARKER}", "CI_BOT=gh"+"p_0123456789abcdefghij {MARKER}"),
}

func variable(id, tries string, variables ...string) row {
	return row{id: "secret-variable-" + id, group: "secrets", tries: "read secrets of the environment, which are known " + tries, views: both, flags: []string{"--env-pass", "*"},
		setup: func(s *scene) { s.env = append(s.env, s.expand(variables)...) },
		cmd:   []string{"sh", "-c", "if env | grep {MARKER}; then echo BROKE: read; exit 1; fi; echo HELD: there is none"}}
}
