/* YARA rules that see every stanza: its text as it came, in normal form (NFKC, look-alikes as the ASCII letters that they look like,
 * nothing invisible), with common encodings opened, and the rebuilt stanza. Rules for files belong in files/, where only opened binary
 * data is scanned. What makes a rule cheap, however many there are, is said in ../README.md.
 *
 * Variables: direction ("high-to-low"), kind ("message"), from, to, from_domain, to_domain, label, payload. All are text.
 * Meta: id, action and severity are words for the release rules, which decide: they name a rule as  when = { yara = "eicar"; }  or ask for
 * what it says of itself,  when = { yara_action = "redact"; }  or  { yara_severity = "high"; }  or  { yara_id = 5001; }. */

rule eicar
{
    meta:
        description = "The EICAR anti-virus test string"
        id = 5001
        action = "reject"
        severity = "high"
    strings:
        /* in hexadecimal, so that this file is not taken for the thing itself */
        $test = {
            58 35 4F 21 50 25 40 41 50 5B 34 5C 50 5A 58 35 34 28 50 5E 29 37 43
            43 29 37 7D 24 45 49 43 41 52 2D 53 54 41 4E 44 41 52 44 2D 41 4E 54
            49 56 49 52 55 53 2D 54 45 53 54 2D 46 49 4C 45 21 24 48 2B 48 2A }
    condition:
        $test
}

rule jndi_lookup
{
    meta:
        description = "A JNDI look-up, as used against logging libraries (CVE-2021-44228)"
        id = 5002
        action = "reject"
        severity = "high"
    strings:
        $plain = /\$\{\s*jndi\s*:\s*(ldap|ldaps|rmi|dns|iiop|nis|nds|corba|http)/ nocase
        $nested = /\$\{[^}]{0,40}\$\{(lower|upper|env|sys|date|::-)[^}]{0,40}\}/ nocase
    condition:
        any of them
}

rule active_markup
{
    meta:
        description = "Script or active content in text that a client may show as HTML"
        id = 5003
        action = "reject"
        severity = "medium"
    strings:
        $script = /<\s*script[\s>\/]/ nocase
        $frame = /<\s*(iframe|object|embed|applet)[\s>]/ nocase
        $scheme = /(javascript|vbscript)\s*:\s*[a-z(\[{'"%]/ nocase
        $handler = /<[a-z]{1,10}[^<>]{1,200}\son(error|load|click|mouseover|focus|toggle|begin)\s*=/ nocase
        $data = "data:text/html" nocase
    condition:
        any of them
}

rule remote_shell
{
    meta:
        description = "A command line that fetches and runs a program, or opens a reverse shell"
        id = 5004
        action = "reject"
        severity = "high"
    strings:
        $fetch = /(curl|wget)\s[^|;\n]{4,300}\|\s*(sudo\s+)?(ba|z|da|k)?sh\b/ nocase
        $powershell = /powershell(\.exe)?\s[^\n]{0,120}-e(nc|ncodedcommand|c)?\s+[a-z0-9+\/=]{16}/ nocase
        $download = /(DownloadString|DownloadFile|Invoke-WebRequest|Start-BitsTransfer)\b[^\n]{0,200}(iex|Invoke-Expression|Start-Process)/ nocase
        $iex = /(iex|Invoke-Expression)\s*\(?\s*\(?\s*New-Object\s+Net\.WebClient/ nocase
        $devtcp = /\/dev\/(tcp|udp)\/[0-9a-z.\-]{3,100}\/[0-9]{1,5}/ nocase
        $mshta = /(mshta|regsvr32|rundll32|certutil)(\.exe)?\s[^\n]{0,100}https?:\/\// nocase
    condition:
        any of them
}

rule executable_in_text
{
    meta:
        description = "A program or a document with macros, written as base64 or hexadecimal text"
        id = 5005
        action = "reject"
        severity = "high"
    strings:
        $pe_1 = "TVqQAAMAAAAEAAAA"
        $pe_2 = "TVpQAAIAAAAEAA8A"
        $pe_3 = "TVoAAAAAAAAAAAAA"
        $pe_hex = /4d5a[0-9a-f]{4}0[0-9a-f]000000/ nocase
        $elf = /f0VMR(g|Q)[IE]BA/
        $elf_hex = "7f454c460" nocase
        $ole = "0M8R4KGxGuEAAAAA"
        $stub = "This program cannot be run in DOS mode"
    condition:
        any of them
}

rule otr_or_pgp_message
{
    meta:
        description = "Content that cannot be inspected: OTR or OpenPGP armour"
        id = 5006
        action = "reject"
        severity = "medium"
    strings:
        $otr = /\?OTR(:|v[0-9]{1,3}\?|,[0-9])/
        $pgp = "-----BEGIN PGP MESSAGE-----"
        $smime = "-----BEGIN PKCS7-----"
    condition:
        any of them
}

/* An example for something that is blacked out, while the rest of the message goes. Put your own here. */
rule exercise_serial
{
    meta:
        description = "The serial number of an inner document"
        id = 5007
        action = "redact"
        severity = "low"
    strings:
        $serial = /\bINT-20[0-9]{2}-[0-9]{5}\b/
    condition:
        direction == "high-to-low" and $serial
}
