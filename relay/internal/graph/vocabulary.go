package graph

import "strings"

// vocabulary holds the names of Meta's parameters and events, in lower case:
// the only quoted words of an error text that are kept, since they say which
// field is wrong and never what a customer's value was (docs/meta.md 2–4).
var vocabulary = func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(`
		data access_token appsecret_proof appsecret_time test_event_code partner_agent upload_tag upload_id
		upload_source namespace_id progress start_inclusive end_exclusive events error_data
		event_name event_time action_source user_data custom_data match_keys event_id event_source_url referrer_url
		opt_out data_processing_options data_processing_options_country data_processing_options_state app_data
		extinfo original_event_data attribution_data customer_segmentation messaging_channel store_data
		em ph ge gen fn ln ct st zp zip country db doby dobm dobd external_id extern_id lead_id email phone fi f5first
		f5last madid client_ip_address client_user_agent fbc fbp subscription_id fb_login_id anon_id page_id
		value currency content_ids contents content_type content_name content_category order_id item_number num_items
		search_string status predicted_ltv net_revenue delivery_category id quantity item_price price brand category
		title description
		addpaymentinfo addtocart addtowishlist completeregistration contact customizeproduct donate findlocation
		initiatecheckout lead purchase schedule search starttrial submitapplication subscribe viewcontent pageview other
		physical_store website app phone_call chat system_generated business_messaging
		product product_group ldu ads_management business_management ads_read pages_read_engagement
		post get`) {
		m[w] = true
	}
	return m
}()
