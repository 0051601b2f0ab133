package secrets

import "testing"

// TestAgentsAndClouds: files that newcomers had, and that --ro ~ showed.
func TestAgentsAndClouds(t *testing.T) {
	for _, file := range []string{
		".local/share/opencode/auth.json", ".local/share/amp/secrets.json", ".local/share/crush/crush.json", ".config/opencode/opencode.json",
		".config/crush/crush.json", ".config/amp/settings.json", ".config/wandb/settings", ".config/cloudflared/cert.pem", ".cloudflare-warp/cert.pem",
		".qwen/oauth_creds.json", ".factory/auth.json", ".kaggle/kaggle.json", ".vercel/auth.json", ".claude/.credentials.json", ".codex/auth.json",
		".gemini/oauth_creds.json",
	} {
		if PlaceAbove(file) == "" {
			t.Errorf("%s is in no place of secrets", file)
		}
	}
}
